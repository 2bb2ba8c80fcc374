//! The page: one HTML file with everything inside. Text is escaped by the template engine, scripts are bound by hash.

use super::{Error, view::View};
use minijinja::{Environment, UndefinedBehavior, context, syntax::SyntaxConfig, value::Serde};

/// Layout; the name's ending switches escaping on.
const TEMPLATE: (&str, &str) = ("report.html", include_str!("templates/report.html"));

/// Style sheet, placed inside of the page.
const STYLE: &str = include_str!("templates/report.css");

/// Script, placed inside of the page: filter, opening and closing. The page can be read without it.
const SCRIPT: &str = include_str!("templates/report.js");

/// Hash of [`SCRIPT`], by which the page's content security policy knows it. A test says what it must be.
const SCRIPT_HASH: &str = "sha256-zHXYzlymOMzEYD2XkbRzKtrefbed11sXzD1sHUfdRzg=";

/// Lays out the page.
pub(crate) fn page(view: &View) -> Result<String, Error> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.add_template(TEMPLATE.0, TEMPLATE.1)?;
    let page = engine.get_template(TEMPLATE.0)?;
    Ok(page.render(context! { view => Serde(view), style => STYLE, script => SCRIPT, script_hash => SCRIPT_HASH })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_policy_knows_the_script() {
        let digest = Sha256::digest(SCRIPT.as_bytes());
        assert_eq!(SCRIPT_HASH, format!("sha256-{}", base64(&digest)));
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for three in bytes.chunks(3) {
            let word = three.iter().chain(&[0, 0]).take(3).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
            for place in 0..4 {
                let digit = DIGITS[(word >> (18 - 6 * place)) as usize & 63];
                text.push(if place <= three.len() { char::from(digit) } else { '=' });
            }
        }
        text
    }
}
