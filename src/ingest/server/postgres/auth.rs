//! How a password is proven to PostgreSQL: SCRAM-SHA-256 (RFC 5802, RFC 7677), or MD5 on servers of old.

use super::super::Failure;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::Digest;
use ring::rand::SecureRandom as _;
use ring::{
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
    hmac, pbkdf2,
};
use std::num::NonZero;

/// Kinds of authentication message.
pub(super) const OK: i32 = 0;
pub(super) const PLAIN: i32 = 3;
pub(super) const MD5: i32 = 5;
pub(super) const SASL: i32 = 10;
pub(super) const SASL_CONTINUE: i32 = 11;
pub(super) const SASL_FINAL: i32 = 12;

/// The one mechanism that is spoken. Its variant that binds to the TLS channel is not; servers offer both.
pub(super) const SCRAM_SHA_256: &[u8] = b"SCRAM-SHA-256";
/// Rounds of hashing that a server may ask for: the default is 4096, and a hostile one shall not keep us busy for hours.
const MAX_ROUNDS: u32 = 1_000_000;

/// Kind of an authentication message, and what it carries.
pub(super) fn kind(body: &[u8]) -> Result<(i32, Vec<u8>), Failure> {
    let (kind, data) = body.split_first_chunk().ok_or(Failure::Protocol("a log-in message that is cut off"))?;
    Ok((i32::from_be_bytes(*kind), data.to_vec()))
}

/// `md5(md5(password, user), salt)`, each in hexadecimal.
pub(super) fn md5(user: &[u8], password: &[u8], salt: &[u8]) -> String {
    let hex = |parts: [&[u8]; 2]| -> String {
        let sum = md5::Md5::new().chain_update(parts[0]).chain_update(parts[1]).finalize();
        sum.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    format!("md5{}", hex([hex([password, user]).as_bytes(), salt]))
}

pub(super) fn check_mechanisms(data: &[u8]) -> Result<(), Failure> {
    if data.split(|byte| *byte == 0).any(|name| name == SCRAM_SHA_256) {
        return Ok(());
    }
    Err(Failure::Setup("the server wants a log-in other than SCRAM-SHA-256, which is not known here".to_owned()))
}

/// One proof. The password is used as it is: SASLprep changes none in ASCII, and none that is in normal form already.
pub(super) struct Scram {
    password: Vec<u8>,
    nonce: String,
    /// What the server has to sign: key and text.
    expected: Option<(hmac::Key, String)>,
    done: bool,
}

impl Scram {
    pub(super) fn new(password: &[u8]) -> Result<Self, Failure> {
        let mut nonce = [0; 18];
        ring::rand::SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| Failure::Setup("the system gives no random numbers".to_owned()))?;
        Ok(Self::with_nonce(password, BASE64.encode(nonce)))
    }

    fn with_nonce(password: &[u8], nonce: String) -> Self {
        Self { password: password.to_vec(), nonce, expected: None, done: false }
    }

    /// Did the server prove that it knows the password as well?
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The first message. PostgreSQL takes the user from the log-in and not from here.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.first_bare())
    }

    fn first_bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// The proof, in answer to the server's first message.
    pub(super) fn answer(&mut self, challenge: &[u8]) -> Result<String, Failure> {
        let wrong = || Failure::Protocol("a challenge that is none");
        let challenge = std::str::from_utf8(challenge).map_err(|_| wrong())?;
        let field = |name: &str| challenge.split(',').find_map(|field| field.strip_prefix(name)).ok_or_else(wrong);
        let (nonce, salt, rounds) = (field("r=")?, field("s=")?, field("i=")?);
        let salt = BASE64.decode(salt).map_err(|_| wrong())?;
        let rounds =
            rounds.parse().ok().filter(|rounds| *rounds <= MAX_ROUNDS).and_then(NonZero::new).ok_or_else(wrong)?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(wrong());
        }
        let mut salted = [0; SHA256_OUTPUT_LEN];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, &self.password, &mut salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = hmac::Key::new(hmac::HMAC_SHA256, digest(&SHA256, client_key.as_ref()).as_ref());
        let server_key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&salted, b"Server Key").as_ref());
        // "biws" is the head of the first message, "n,,", in base 64.
        let bare = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{bare}", self.first_bare());
        let signature = hmac::sign(&stored_key, signed.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        self.expected = Some((server_key, signed));
        Ok(format!("{bare},p={}", BASE64.encode(proof)))
    }

    /// Checks the server's own proof.
    pub(super) fn check(&mut self, last: &[u8]) -> Result<(), Failure> {
        let proof = last.strip_prefix(b"v=").map(|proof| proof.split(|byte| *byte == b',').next().unwrap_or_default());
        let proof = proof.and_then(|proof| BASE64.decode(proof).ok());
        let (Some((key, signed)), Some(proof)) = (&self.expected, proof) else {
            return Err(Failure::Protocol("a proof that is none"));
        };
        hmac::verify(key, signed.as_bytes(), &proof)
            .map_err(|_| Failure::Protocol("it does not know the password: is this the right server?"))?;
        self.done = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange that RFC 7677 shows, with its user name left out as PostgreSQL has it: computed by an independent
    /// implementation of the RFC.
    #[test]
    fn scram_proves_and_demands_a_proof() {
        let mut scram = Scram::with_nonce(b"pencil", "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(scram.first(), "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(
            scram.answer(challenge).expect("an answer"),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k="
        );
        assert!(scram.check(b"v=AAAA").is_err() && scram.check(b"e=other-error").is_err() && !scram.is_done());
        scram.check(b"v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=").expect("the server's proof");
        assert!(scram.is_done());
    }

    #[test]
    fn challenges_that_are_none_are_refused() {
        for challenge in [
            &b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"[..],
            b"r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            b"r=abcd,s=!,i=4096",
            b"r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
            b"r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000",
            b"r=abcd",
            b"\xff",
        ] {
            assert!(Scram::with_nonce(b"x", "abc".to_owned()).answer(challenge).is_err());
        }
    }

    #[test]
    fn md5_as_old_servers_want_it() {
        assert_eq!(md5(b"user", b"secret", &[1, 2, 3, 4]), "md5fccef98e4f1cf6cbe96b743fad4e8bd0");
    }
}
