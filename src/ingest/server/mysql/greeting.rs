//! The first two packets: what the server is and can, and who we are.

use super::{
    super::{Failure, url::Address},
    auth,
    wire::put_text,
};

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) is_mariadb: bool,
    /// Does it offer encryption?
    pub(super) encrypts: bool,
    /// Does it take notes of who connects?
    names_clients: bool,
    /// How it would like the password proven, and the number that has to be part of the proof.
    pub(super) method: String,
    pub(super) nonce: Vec<u8>,
}

// Capabilities. Several statements in one query and files of the client are not among them: whatever stands in a query or in
// an answer, the one cannot be run and the other cannot be asked for.
const LONG_PASSWORD: u32 = 1;
const LONG_FLAG: u32 = 1 << 2;
const WITH_DATABASE: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const ENCRYPTION: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const METHODS: u32 = 1 << 19;
const ATTRIBUTES: u32 = 1 << 20;
const LONG_ANSWERS: u32 = 1 << 21;
const NEEDED: u32 = PROTOCOL_41 | SECURE_CONNECTION | METHODS | LONG_ANSWERS;
const WANTED: u32 = NEEDED | LONG_PASSWORD | LONG_FLAG | WITH_DATABASE | TRANSACTIONS;
/// `utf8mb4_general_ci`, which every server from 5.5 on has.
const UTF8MB4: u8 = 45;
/// Longest packet that we would send.
const MAX_PACKET: u32 = 1 << 24;

impl Greeting {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Failure> {
        Self::read(body)
            .ok_or(Failure::Protocol("a greeting that is not known; is this MySQL 5.7 or later, or MariaDB?"))
    }

    fn read(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(&[10])?;
        let end = body.iter().position(|byte| *byte == 0)?;
        let (version, rest) = body.split_at(end);
        // After the version: its end, a number of the connection, eight bytes of the nonce and a zero.
        let first = rest.get(5..13)?;
        let rest = rest.get(14..)?;
        let short = |at: usize| Some(u32::from(u16::from_le_bytes(*rest.get(at..)?.first_chunk()?)));
        // Low half of the capabilities, a character set, a status, their high half, a length and ten bytes without use.
        let capabilities = short(0)? | short(5)? << 16;
        if capabilities & NEEDED != NEEDED {
            return None;
        }
        let rest = rest.get(18..)?;
        let second = rest.get(..rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len()).min(12))?;
        let method = rest.get(second.len()..)?.iter().skip_while(|byte| **byte == 0);
        let method: Vec<u8> = method.take_while(|byte| **byte != 0).copied().collect();
        Some(Self {
            is_mariadb: version.windows(7).any(|word| word == b"MariaDB"),
            encrypts: capabilities & ENCRYPTION != 0,
            names_clients: capabilities & ATTRIBUTES != 0,
            method: String::from_utf8(method).ok()?,
            nonce: auth::nonce(&[first, second].concat()),
        })
    }

    fn head(&self, encrypted: bool) -> Vec<u8> {
        let mut capabilities = WANTED;
        capabilities |= if encrypted { ENCRYPTION } else { 0 };
        capabilities |= if self.names_clients { ATTRIBUTES } else { 0 };
        let mut head = capabilities.to_le_bytes().to_vec();
        head.extend(MAX_PACKET.to_le_bytes());
        head.push(UTF8MB4);
        head.extend([0; 23]);
        head
    }

    /// Asks for encryption, which begins right behind.
    pub(super) fn request_for_encryption(&self) -> Vec<u8> {
        self.head(true)
    }

    /// Who we are, what we want to read, and the proof of the password.
    pub(super) fn response(&self, address: &Address, proof: &[u8], encrypted: bool) -> Vec<u8> {
        let mut packet = self.head(encrypted);
        packet.extend_from_slice(address.user.as_bytes());
        packet.push(0);
        put_text(&mut packet, proof);
        packet.extend_from_slice(address.database.as_bytes());
        packet.push(0);
        packet.extend_from_slice(self.method.as_bytes());
        packet.push(0);
        if !self.names_clients {
            return packet;
        }
        let mut attributes = Vec::new();
        put_text(&mut attributes, b"program_name");
        put_text(&mut attributes, b"windtunnel");
        put_text(&mut packet, &attributes);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn greeting(version: &str, capabilities: u32) -> Vec<u8> {
        let [a, b, c, d] = capabilities.to_le_bytes();
        let mut body = vec![10];
        body.extend_from_slice(version.as_bytes());
        body.extend_from_slice(&[0, 7, 0, 0, 0]);
        body.extend_from_slice(b"abcdefgh\0");
        body.extend_from_slice(&[a, b, 45, 2, 0, c, d, 21]);
        body.extend_from_slice(&[0; 10]);
        body.extend_from_slice(b"ijklmnopqrst\0caching_sha2_password\0");
        body
    }

    #[test]
    fn a_greeting_is_taken_apart() {
        let found = Greeting::parse(&greeting("8.4.3", NEEDED | ENCRYPTION)).expect("a greeting");
        assert_eq!(
            (found.method.as_str(), found.nonce.as_slice()),
            ("caching_sha2_password", &b"abcdefghijklmnopqrst"[..])
        );
        assert!(found.encrypts && !found.is_mariadb);
        let found = Greeting::parse(&greeting("5.5.5-10.11.6-MariaDB-log", NEEDED)).expect("a greeting");
        assert!(!found.encrypts && found.is_mariadb);
        assert!(Greeting::parse(&greeting("4.0", PROTOCOL_41)).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut body in prop::collection::vec(any::<u8>(), 0..80), cut in 0..90_usize) {
            let _ = Greeting::parse(&body);
            body.insert(0, 10);
            let _ = Greeting::parse(&body);
            let whole = greeting("8", NEEDED);
            let _ = Greeting::parse(&whole[..cut.min(whole.len())]);
        }
    }
}
