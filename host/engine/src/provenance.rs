//! Whose a component is: what its signature, if any, makes of it under a policy. Asks neither lock nor grants.

use std::path::{Path, PathBuf};

use bailiwick_builder::Embedded;
use bailiwick_core::ports::Clock as _;
use bailiwick_core::{Bytes, Day, Diagnostic, Digest};
use bailiwick_policy::publishers::{
    BadSignature, KeyId, LOCAL, Moment, SIGNATURE_MAX_BYTES, Signature, Signed, Unadmitted,
    Withdrawn,
};
use bailiwick_policy::{Policy, Publishers};

use crate::codes;
use crate::files;
use crate::system::SystemClock;

/// What is added to the name of a component for that of its signature, as the ordinary tool
/// does.
const SIGNATURE_SUFFIX: &str = ".minisig";

/// Whose a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provenance {
    /// `publisher/name`: what ceilings are matched against.
    pub(crate) identity: String,
    /// What its publisher signed, where somebody did who counts here.
    pub(crate) signed: Option<Signed>,
}

/// Today, by this machine's clock.
pub(crate) fn today() -> Day {
    Day::of(SystemClock.now())
}

/// Where the signature of a component lies.
pub(crate) fn signature_path(component: &Path) -> PathBuf {
    let mut path = component.as_os_str().to_owned();
    path.push(SIGNATURE_SUFFIX);
    path.into()
}

/// The text of the signature beside a component, where there is one.
pub(crate) fn signature_beside(component: &Path) -> Result<Option<String>, Diagnostic> {
    let path = signature_path(component);
    if !path.exists() {
        return Ok(None);
    }
    let shown = path.display();
    let fail = |why: String| Diagnostic::error(codes::UNREADABLE, format!("{shown}: {why}"));
    let bytes = files::read(&path, Bytes(SIGNATURE_MAX_BYTES as u64)).map_err(fail)?;
    String::from_utf8(bytes).map(Some).map_err(|_| fail("it is not UTF-8".into()))
}

/// Judges a component that was read. `shown` is what people call it.
///
/// # Errors
/// Why it is not taken, with the line of policy.toml that would change it.
pub(crate) fn provenance(
    policy: &Policy,
    shown: &str,
    (bytes, embedded): (&[u8], &Embedded),
    signature: Option<&str>,
    moment: Moment,
) -> Result<Provenance, Diagnostic> {
    let digest = &embedded.outline.digest;
    let local = Provenance { identity: format!("{LOCAL}/{}", embedded.profile.name), signed: None };
    // Without a policy nobody could say who a signature is by.
    let Some(publishers) = &policy.publishers else { return Ok(local) };
    let Some(text) = signature else {
        return match publishers.withdrawn(digest, None, &local.identity) {
            Some(gone) => Err(withdrawn(shown, &gone)),
            None => Ok(local),
        };
    };
    let signed = verified(publishers, bytes, text, moment)
        .map_err(|bad| refused(shown, &bad, (publishers, digest)))?;
    agrees(shown, &signed, embedded)?;
    Ok(Provenance { identity: signed.statement.identity(), signed: Some(signed) })
}

fn verified(
    publishers: &Publishers,
    bytes: &[u8],
    text: &str,
    moment: Moment,
) -> Result<Signed, BadSignature> {
    publishers.verify(bytes, &Signature::parse(text)?, moment)
}

/// What was signed and what the file says of itself must be the same.
fn agrees(shown: &str, signed: &Signed, embedded: &Embedded) -> Result<(), Diagnostic> {
    let (statement, profile) = (&signed.statement, &embedded.profile);
    let version = statement.version.to_string();
    let said = (&statement.name, &version, &statement.contract);
    if said == (&profile.name, &profile.version, &embedded.contract) {
        return Ok(());
    }
    let message = format!(
        "{shown}: it is signed as {} {version} for contract {}, and its file says {} {} for contract {}",
        statement.name, statement.contract, profile.name, profile.version, embedded.contract
    );
    let hint = "whoever signed it signed something else; ask its publisher";
    Err(Diagnostic::error(codes::BAD_SIGNATURE, message).hint(hint))
}

fn refused(
    shown: &str,
    bad: &BadSignature,
    (publishers, digest): (&Publishers, &Digest),
) -> Diagnostic {
    let message = format!("{shown}: {bad}");
    let (code, hint) = match bad {
        BadSignature::Unadmitted(Unadmitted::Withdrawn(gone)) => return withdrawn(shown, gone),
        BadSignature::Unadmitted(Unadmitted::Publisher { publisher, key, .. }) => {
            let line = admitting(publisher, *key);
            (codes::NO_PUBLISHER, line)
        }
        BadSignature::Unadmitted(Unadmitted::OtherKey { publisher, key, .. }) => {
            let keys = publishers.keys.get(publisher).into_iter().flatten();
            let known: Vec<_> = keys.map(|own| own.key.id().to_string()).collect();
            let hint = format!(
                "policy.toml has {} of {publisher}; if {publisher} has a new key {key}, the admin adds it",
                known.join(", ")
            );
            (codes::BAD_SIGNATURE, hint)
        }
        BadSignature::Unadmitted(Unadmitted::KeyOfAnother { .. }) => {
            (codes::BAD_SIGNATURE, "whoever sent it is not who it says; ask its publisher".into())
        }
        BadSignature::Unadmitted(
            Unadmitted::NotYet { publisher, .. }
            | Unadmitted::Expired { publisher, .. }
            | Unadmitted::TooLate { publisher, .. },
        ) => {
            let hint = format!(
                "in policy.toml, under [publishers.{publisher}]: `from` and `until` of the key; or the publisher signs it again with a key of today"
            );
            (codes::BAD_SIGNATURE, hint)
        }
        BadSignature::Unadmitted(Unadmitted::Future { .. }) => {
            (codes::BAD_SIGNATURE, "one of the two clocks is wrong".into())
        }
        BadSignature::Bytes { .. }
        | BadSignature::Statement(_)
        | BadSignature::Form(_)
        | BadSignature::TooLong(_)
        | BadSignature::Key(_) => {
            let digest = digest.short();
            let hint = format!(
                "the component ({digest}…) or its signature was changed after it was signed; fetch both again"
            );
            (codes::BAD_SIGNATURE, hint)
        }
    };
    Diagnostic::error(code, message).hint(hint)
}

/// The line that would admit a publisher. The key is in no signature: only its id is.
pub(crate) fn admitting(publisher: &str, key: KeyId) -> String {
    format!(
        "the admin writes into policy.toml: [publishers.{publisher}] keys = [{{ key = \"RW…\" }}], with the key of id {key}, learnt from {publisher} on another way than the component"
    )
}

fn withdrawn(shown: &str, gone: &Withdrawn) -> Diagnostic {
    Diagnostic::error(codes::REVOKED, format!("{shown}: {gone}")).hint(gone.line())
}

#[cfg(test)]
mod tests {
    use bailiwick_builder::read_embedded;
    use bailiwick_policy::publishers::{PublisherKey, Revoked, Statement};

    use super::*;
    use crate::init::HELLO;
    use crate::signing::{KeyFile, keygen};

    /// What comes of the agent of a new project, signed as of a version of the contract.
    fn signed_for(contract: &str) -> Result<Provenance, Diagnostic> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme.key");
        let public = keygen(&path, None).unwrap().key;
        let key = KeyFile::read(&path).and_then(|key| key.open(None)).unwrap();
        let embedded = read_embedded(HELLO).unwrap();
        let statement = Statement {
            publisher: "acme".into(),
            name: embedded.profile.name.clone(),
            version: embedded.profile.version.parse().unwrap(),
            component: embedded.outline.digest,
            size: Bytes(HELLO.len() as u64),
            contract: contract.into(),
            date: today(),
        };
        let signature = key.sign(HELLO, &statement.to_string()).unwrap();
        let keys =
            [("acme".to_owned(), vec![PublisherKey { key: public, from: None, until: None }])];
        let publishers = Publishers { keys: keys.into(), revoked: Revoked::default() };
        let policy = Policy { publishers: Some(publishers), ..Policy::built_in() };
        let about = (HELLO, &embedded);
        provenance(&policy, "hello.wasm", about, Some(&signature), Moment::Today(today()))
    }

    #[test]
    fn a_statement_about_another_contract_than_the_imports_name_is_refused() {
        assert_eq!(signed_for("0.1.0").unwrap().identity, "acme/hello");
        for contract in ["0.2.0", "0.1.1", "0.1"] {
            let refused = signed_for(contract).unwrap_err();
            assert_eq!(refused.code, codes::BAD_SIGNATURE);
            let (one, other) = (format!("for contract {contract}, and"), "for contract 0.1.0");
            assert!(refused.message.contains(&one), "{}", refused.message);
            assert!(refused.message.ends_with(other), "{}", refused.message);
        }
    }
}
