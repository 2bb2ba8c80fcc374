//! Encryption of a connection, with the modes that PostgreSQL's URLs have and their meaning.

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{path::PathBuf, sync::Arc};

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
    /// The certificate leads to a root that is trusted. For MySQL it must be made out for the host as well: its library looks
    /// at the name wherever it looks at the certificate.
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

impl Tls {
    /// Certificates that lead to trust; `None` where the server's certificate is not looked at.
    pub(super) fn trusted(&self) -> Result<Option<Vec<CertificateDer<'static>>>, String> {
        let looks = match self.mode {
            Mode::Disable | Mode::Prefer => false,
            Mode::Require => self.roots.is_some(),
            Mode::VerifyCa | Mode::VerifyFull => true,
        };
        if !looks {
            return Ok(None);
        }
        match self.named() {
            Some(path) => {
                let wrong = |error: &dyn std::fmt::Display| format!("sslrootcert {}: {error}", path.display());
                let roots = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
                let roots: Vec<_> = roots.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
                if roots.is_empty() { Err(wrong(&"holds no certificate in PEM")) } else { Ok(Some(roots)) }
            }
            None => match rustls_native_certs::load_native_certs().certs {
                roots if roots.is_empty() => {
                    Err("the system has no root certificates: name a file with sslrootcert=FILE in the URL".to_owned())
                }
                roots => Ok(Some(roots)),
            },
        }
    }

    /// The file that the user named. `system` stands for the system's certificates, as in libpq.
    fn named(&self) -> Option<&PathBuf> {
        self.roots.as_ref().filter(|path| path.as_os_str() != "system")
    }

    /// The encryption of a connection, with exactly the checks that the mode asks for.
    pub(super) fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(self.verifier(&provider)?);
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| format!("TLS: {error}"))?;
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
        let mut verifier = Verifier { chain: None, trusted: Vec::new(), mode: self.mode, provider: provider.clone() };
        let Some(roots) = self.trusted()? else { return Ok(verifier) };
        let mut store = RootCertStore::empty();
        match self.named() {
            Some(path) => {
                for root in &roots {
                    let added = store.add(root.clone());
                    added.map_err(|error| format!("sslrootcert {}: {error}", path.display()))?;
                }
                verifier.trusted = roots;
            }
            // Old roots of a system that cannot be used are no reason to use none.
            None => drop(store.add_parsable_certificates(roots)),
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
