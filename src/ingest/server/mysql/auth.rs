//! How a password is proven to MySQL and MariaDB.

use super::super::Failure;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY as SHA1, SHA256, digest};

/// The server knows the proof, and lets us in.
pub(super) const KNOWN: u8 = 3;
/// The server has to see the password itself once.
pub(super) const UNKNOWN: u8 = 4;

const NATIVE: &str = "mysql_native_password";
const CACHING: &str = "caching_sha2_password";
const CLEAR: &str = "mysql_clear_password";

/// The number within what the server sends: without the zero at its end.
pub(super) fn nonce(bytes: &[u8]) -> Vec<u8> {
    bytes.strip_suffix(&[0]).unwrap_or(bytes).to_vec()
}

/// The first answer of a method; `private` if nobody on the way can read along.
pub(super) fn answer(method: &str, password: &[u8], nonce: &[u8], private: bool) -> Result<Vec<u8>, Failure> {
    match method {
        // What authenticates by the system's user wants no answer.
        NATIVE | CACHING | "auth_socket" | "unix_socket" if password.is_empty() => Ok(Vec::new()),
        NATIVE => Ok(native(password, nonce)),
        CACHING => Ok(caching(password, nonce)),
        // Where the server asks LDAP or a cloud's tokens.
        CLEAR => in_full(method, password, private),
        other => {
            let name: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
            let reason =
                format!("the server wants the log-in method `{name}`; known are {NATIVE}, {CACHING} and {CLEAR}");
            Err(Failure::Setup(reason))
        }
    }
}

/// The password itself.
pub(super) fn in_full(method: &str, password: &[u8], private: bool) -> Result<Vec<u8>, Failure> {
    if !private {
        return Err(Failure::Setup(format!(
            "the server wants to see the password ({method}), and the connection is not encrypted: \
             ask for encryption with sslmode=require"
        )));
    }
    Ok([password, b"\0"].concat())
}

/// `SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password)))`.
fn native(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let once = digest(&SHA1, password);
    let twice = digest(&SHA1, once.as_ref());
    xor(once.as_ref(), digest(&SHA1, &[nonce, twice.as_ref()].concat()).as_ref())
}

/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce)`.
fn caching(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let once = digest(&SHA256, password);
    let twice = digest(&SHA256, once.as_ref());
    xor(once.as_ref(), digest(&SHA256, &[twice.as_ref(), nonce].concat()).as_ref())
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn proofs_are_those_of_an_independent_implementation() {
        let nonce = b"abcdefghijklmnopqrst";
        assert_eq!(hex(&native(b"secret", nonce)), "8817c50fa779daef010ee7577825b0847df9842e");
        assert_eq!(hex(&caching(b"secret", nonce)), "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809");
    }

    #[test]
    fn a_password_goes_out_in_full_only_where_nobody_reads_along() {
        for method in [CLEAR, CACHING] {
            let error = in_full(method, b"S3CR3T", false).expect_err("in the open").to_string();
            assert!(error.contains("sslmode=require") && !error.contains("S3CR3T"), "{error}");
            assert_eq!(in_full(method, b"S3CR3T", true).expect("private"), b"S3CR3T\0");
        }
        assert!(answer(CLEAR, b"x", b"n", false).is_err());
        assert!(answer("client_ed25519", b"x", b"n", true).is_err());
        assert_eq!(answer(NATIVE, b"", b"n", false).expect("no password"), b"");
    }
}
