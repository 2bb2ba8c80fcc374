//! Encryption of a connection, with the modes that PostgreSQL's URLs have and their meaning.

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    StreamOwned,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{net::TcpStream, path::PathBuf, sync::Arc};

/// How much encryption is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// None.
    Disable,
    /// Where the server offers it; its certificate is not looked at.
    #[default]
    Prefer,
    /// Always; the certificate is looked at only where a root certificate is given.
    Require,
    /// The certificate leads to a root that is trusted.
    VerifyCa,
    /// And is made out for the host.
    VerifyFull,
}

/// What the URL says of encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) mode: Mode,
    /// Certificates that are trusted; the system's where none are given.
    pub(super) roots: Option<PathBuf>,
}

impl Mode {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Ok(match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => Self::Disable,
            "allow" | "prefer" | "preferred" => Self::Prefer,
            "require" | "required" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" | "verify-identity" => Self::VerifyFull,
            _ => return Err("sslmode is one of disable, prefer, require, verify-ca and verify-full".to_owned()),
        })
    }
}

/// A connection that is encrypted once its first bytes are written.
pub(super) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

impl Tls {
    /// Encrypts a connection to `host`.
    pub(super) fn secure(&self, tcp: TcpStream, host: &str) -> Result<Encrypted, String> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(self.verifier(&provider)?);
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("TLS: `{host}` is no host name"))?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| format!("TLS: {error}"))?;
        Ok(StreamOwned::new(connection, tcp))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
        let mut verifier = Verifier { chain: None, trusted: Vec::new(), mode: self.mode, provider: provider.clone() };
        let looks = match self.mode {
            Mode::Disable | Mode::Prefer => false,
            Mode::Require => self.roots.is_some(),
            Mode::VerifyCa | Mode::VerifyFull => true,
        };
        if !looks {
            return Ok(verifier);
        }
        let mut store = RootCertStore::empty();
        match self.roots.as_ref().filter(|path| path.as_os_str() != "system") {
            Some(path) => {
                let named = |error: &dyn std::fmt::Display| format!("sslrootcert {}: {error}", path.display());
                for root in CertificateDer::pem_file_iter(path).map_err(|error| named(&error))? {
                    verifier.trusted.push(root.map_err(|error| named(&error))?);
                }
                if verifier.trusted.is_empty() {
                    return Err(named(&"holds no certificate in PEM"));
                }
                for root in &verifier.trusted {
                    store.add(root.clone()).map_err(|error| named(&error))?;
                }
            }
            None => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if store.is_empty() {
                    return Err(
                        "the system has no root certificates: name a file with sslrootcert=FILE in the URL".to_owned()
                    );
                }
            }
        }
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
        verifier.chain = Some(builder.build().map_err(|error| format!("TLS: {error}"))?);
        Ok(verifier)
    }
}

/// Looks at as much of a certificate as the mode asks for. That the server holds its key is checked in every mode.
#[derive(Debug)]
struct Verifier {
    /// `None` where the certificate is not looked at.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that the user named.
    trusted: Vec<CertificateDer<'static>>,
    mode: Mode,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.trusted.contains(end_entity) {
            // The server's own certificate was named, as where it signed it itself: there is no chain to check.
            if self.mode == Mode::VerifyFull {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now) {
            // The chain is checked before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.mode != Mode::VerifyFull => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
