//! What a manifest may say: one component, its size known, and whose signature is on it. Reads and writes bytes; fetches none.
//!
//! The form is the *Wasm OCI Artifact layout* of the CNCF's runtime group, so that other
//! tools push what we pull and pull what we push. The signature stands in an annotation
//! of the manifest: those tools refuse an artifact with a second layer.

use bailiwick_core::Bytes;
use bailiwick_core::text::{Lines, clip, visible};
use oci_spec::image::{
    Descriptor, DescriptorBuilder, Digest, ImageManifest, ImageManifestBuilder, MediaType,
};

use super::sha256::Sha256;

/// The largest manifest: some hundred bytes are usual, and a signature adds 16 KiB at most;
/// the rest is room for annotations of other tools.
pub const MANIFEST_MAX: Bytes = Bytes::mib(1);
/// The largest component, as the sandbox takes it.
pub const COMPONENT_MAX: Bytes = Bytes::mib(64);
/// The largest signature: a text of four lines, one of which is what was signed.
pub const SIGNATURE_MAX: Bytes = Bytes::kib(16);
/// What a manifest is called.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// What the configuration of a component is called.
pub const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// What a component is called.
pub const LAYER_TYPE: &str = "application/wasm";
/// The most layers that a message names.
pub const LAYERS_SHOWN: usize = 3;
/// The annotation that holds the text of the signature.
const SIGNATURE: &str = "dev.bailiwick.minisig";
/// The annotation of a layer that holds the name of a file.
const TITLE: &str = "org.opencontainers.image.title";
/// The longest name of a file.
const TITLE_MAX_BYTES: usize = 128;

/// Bytes in a registry, as a manifest announces them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Their hash.
    pub digest: Sha256,
    /// Their number.
    pub size: Bytes,
}

/// A manifest that can be one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The component.
    pub component: Blob,
    /// What describes it to other tools. Not fetched: the component says it itself.
    pub config: Blob,
    /// What other tools call the file that they make of it. Nothing here goes by it.
    pub title: Option<String>,
    /// The text of its publisher's signature, where it is signed. Opaque here.
    pub signature: Option<String>,
}

/// Why bytes are no manifest of a component. Texts of registries are made visible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnArtifact {
    /// More than any manifest needs.
    #[error("the manifest has more than {MANIFEST_MAX}")]
    TooLarge,
    /// Not the JSON that the specification says.
    #[error("the manifest is none: {0}")]
    Form(String),
    /// An index of several artifacts.
    #[error("the name means several artifacts (an index); a component is one, named by its digest")]
    Index,
    /// An image, or an artifact of another kind.
    #[error("it is {0:?}, and the configuration of a component is {CONFIG_TYPE:?}")]
    OtherArtifact(String),
    /// None, or several.
    #[error("it has {count} layers ({shown}); a component is one layer")]
    Layers {
        /// How many.
        count: usize,
        /// The media types of the first.
        shown: String,
    },
    /// A layer of another kind.
    #[error("its layer is {0:?}, and a component is {LAYER_TYPE:?}")]
    OtherLayer(String),
    /// Digests of another kind.
    #[error("it names bytes by {0:?}; here they are named by sha256")]
    OtherDigest(String),
    /// Bytes that lie anywhere.
    #[error("its layer is said to be at URLs of its own, which are not followed")]
    Elsewhere,
    /// A component above the limit.
    #[error("the component is announced with {0}; it may have {COMPONENT_MAX}")]
    ComponentTooLarge(Bytes),
    /// No component.
    #[error("the component is announced with no bytes")]
    Empty,
    /// A signature that is too large.
    #[error("its signature has more than {SIGNATURE_MAX}")]
    SignatureTooLarge,
}

impl Manifest {
    /// Reads what a registry calls a manifest.
    ///
    /// # Errors
    /// [`NotAnArtifact`] with the first thing that is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAnArtifact> {
        if bytes.len() as u64 > MANIFEST_MAX.0 {
            return Err(NotAnArtifact::TooLarge);
        }
        let form = |error: serde_json::Error| NotAnArtifact::Form(shown(&error.to_string()));
        let kind: Kind = serde_json::from_slice(bytes).map_err(form)?;
        match kind.media_type {
            None | Some(MediaType::ImageManifest) => {}
            Some(MediaType::ImageIndex) => return Err(NotAnArtifact::Index),
            Some(other) => return Err(NotAnArtifact::OtherArtifact(shown(other.as_ref()))),
        }
        if kind.manifests.is_some() {
            return Err(NotAnArtifact::Index);
        }
        let manifest: ImageManifest = serde_json::from_slice(bytes).map_err(form)?;
        if manifest.schema_version() != 2 {
            let version = manifest.schema_version();
            return Err(NotAnArtifact::Form(format!("schemaVersion is {version}, and it is 2")));
        }
        let config = manifest.config();
        if config.media_type().as_ref() != CONFIG_TYPE {
            return Err(NotAnArtifact::OtherArtifact(shown(config.media_type().as_ref())));
        }
        let [layer] = manifest.layers().as_slice() else {
            return Err(layers(manifest.layers()));
        };
        if layer.media_type().as_ref() != LAYER_TYPE {
            return Err(NotAnArtifact::OtherLayer(shown(layer.media_type().as_ref())));
        }
        if layer.urls().as_ref().is_some_and(|urls| !urls.is_empty()) {
            return Err(NotAnArtifact::Elsewhere);
        }
        let component = blob(layer)?;
        match component.size {
            Bytes(0) => return Err(NotAnArtifact::Empty),
            size if size > COMPONENT_MAX => return Err(NotAnArtifact::ComponentTooLarge(size)),
            _ => {}
        }
        let title = title(layer);
        Ok(Self { component, title, config: blob(config)?, signature: signature(&manifest)? })
    }

    /// As it is pushed: the same parts make the same bytes, so pushing twice is pushing once.
    ///
    /// # Errors
    /// [`NotAnArtifact`] where it could not be pulled again.
    pub fn bytes(&self) -> Result<Vec<u8>, NotAnArtifact> {
        let form = |error: String| NotAnArtifact::Form(shown(&error));
        let mut layer = descriptor(LAYER_TYPE, &self.component)?;
        if let Some(title) = &self.title {
            let annotation = (TITLE.to_owned(), title.clone());
            layer.set_annotations(Some([annotation].into_iter().collect()));
        }
        let mut manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .config(descriptor(CONFIG_TYPE, &self.config)?)
            .layers(vec![layer])
            .build()
            .map_err(|error| form(error.to_string()))?;
        if let Some(signature) = &self.signature {
            let annotation = (SIGNATURE.to_owned(), signature.clone());
            manifest.set_annotations(Some([annotation].into_iter().collect()));
        }
        // By way of a value, which sorts the keys: the crate's own order is that of a hash map.
        let value = serde_json::to_value(&manifest).map_err(|error| form(error.to_string()))?;
        let bytes = value.to_string().into_bytes();
        match Self::read(&bytes)? {
            read if read == *self => Ok(bytes),
            _ => Err(form("written and read, it is another one".into())),
        }
    }
}

/// What a manifest of any kind says first.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    media_type: Option<MediaType>,
    manifests: Option<serde::de::IgnoredAny>,
}

fn layers(layers: &[Descriptor]) -> NotAnArtifact {
    let first = layers.iter().take(LAYERS_SHOWN);
    let mut types: Vec<String> = first.map(|layer| shown(layer.media_type().as_ref())).collect();
    if layers.len() > LAYERS_SHOWN {
        types.push("…".into());
    }
    NotAnArtifact::Layers { count: layers.len(), shown: types.join(", ") }
}

fn blob(descriptor: &Descriptor) -> Result<Blob, NotAnArtifact> {
    let digest = Sha256::try_from(descriptor.digest());
    let other = |_| NotAnArtifact::OtherDigest(shown(descriptor.digest().algorithm().as_ref()));
    Ok(Blob { digest: digest.map_err(other)?, size: Bytes(descriptor.size()) })
}

fn descriptor(kind: &str, blob: &Blob) -> Result<Descriptor, NotAnArtifact> {
    let form = |error: oci_spec::OciSpecError| NotAnArtifact::Form(shown(&error.to_string()));
    let digest = Digest::try_from(blob.digest.to_string()).map_err(form)?;
    let built = DescriptorBuilder::default().media_type(kind).digest(digest).size(blob.size.0);
    built.build().map_err(form)
}

/// A plain name of a file; anything else is no name.
fn title(layer: &Descriptor) -> Option<String> {
    let title = layer.annotations().as_ref()?.get(TITLE)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let fits = (1..=TITLE_MAX_BYTES).contains(&title.len()) && !title.starts_with('.');
    (fits && title.bytes().all(plain)).then(|| title.clone())
}

fn signature(manifest: &ImageManifest) -> Result<Option<String>, NotAnArtifact> {
    let annotations = manifest.annotations().as_ref();
    match annotations.and_then(|all| all.get(SIGNATURE)) {
        Some(text) if text.len() as u64 > SIGNATURE_MAX.0 => Err(NotAnArtifact::SignatureTooLarge),
        found => Ok(found.cloned()),
    }
}

/// A registry's words: short, and doing nothing to who reads them.
fn shown(text: &str) -> String {
    const WORDS_MAX_BYTES: usize = 120;
    visible(clip(text, WORDS_MAX_BYTES), Lines::Escape)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn descriptor(kind: &str, size: u64) -> Value {
        json!({"mediaType": kind, "digest": format!("sha256:{}", "0f".repeat(32)), "size": size})
    }

    fn good() -> Value {
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, 100),
            "layers": [descriptor(LAYER_TYPE, 1000)],
        })
    }

    fn read(manifest: &Value) -> Result<Manifest, NotAnArtifact> {
        Manifest::read(manifest.to_string().as_bytes())
    }

    #[test]
    fn what_is_written_is_read_and_the_same_parts_make_the_same_bytes() {
        let mut manifest = read(&good()).unwrap();
        assert_eq!((manifest.component.size, &manifest.signature), (Bytes(1000), &None));
        manifest.title = Some("draft.wasm".into());
        manifest.signature = Some("untrusted comment: x\nRWQ=\n".into());
        let bytes = manifest.bytes().unwrap();
        assert_eq!(bytes, manifest.bytes().unwrap());
        assert_eq!(Manifest::read(&bytes).as_ref(), Ok(&manifest));
        manifest.signature = Some("x".repeat(16 * 1024 + 1));
        assert_eq!(manifest.bytes(), Err(NotAnArtifact::SignatureTooLarge));
        manifest.component.size = Bytes(COMPONENT_MAX.0 + 1);
        assert!(matches!(manifest.bytes(), Err(NotAnArtifact::ComponentTooLarge(_))));
    }

    #[test]
    fn a_manifest_of_anything_but_one_component_is_refused_for_its_reason() {
        let with = |path: &str, value: Value| {
            let mut manifest = good();
            let (parent, key) = path.rsplit_once('/').unwrap();
            manifest.pointer_mut(parent).unwrap()[key] = value;
            manifest
        };
        let layer = || descriptor(LAYER_TYPE, 1000);
        let signed = |size: usize| {
            let mut manifest = good();
            manifest["annotations"] = json!({ SIGNATURE: "x".repeat(size) });
            manifest
        };
        for (manifest, says) in [
            (json!([]), "the manifest is none"),
            (json!({}), "missing field"),
            (with("/schemaVersion", json!(1)), "schemaVersion is 1"),
            (with("/mediaType", json!("application/vnd.oci.image.index.v1+json")), "an index"),
            (json!({"schemaVersion": 2, "manifests": []}), "an index"),
            (with("/mediaType", json!("text/html\u{202e}")), "text/html\\\\u{202e}"),
            (
                with("/config", descriptor("application/vnd.oci.image.config.v1+json", 1)),
                "configuration of a component",
            ),
            (with("/layers", json!([])), "0 layers"),
            (
                with("/layers", json!([layer(), layer()])),
                "2 layers (application/wasm, application/wasm)",
            ),
            (
                with("/layers", Value::Array(vec![layer(); 1000])),
                "1000 layers (application/wasm, application/wasm, application/wasm, …)",
            ),
            (with("/layers", json!([descriptor("application/gzip", 9)])), "application/gzip"),
            (with("/layers", json!([descriptor(LAYER_TYPE, 0)])), "no bytes"),
            (
                with("/layers", json!([descriptor(LAYER_TYPE, 10_000_000_000)])),
                "it may have 64 MiB",
            ),
            (with("/layers", json!([descriptor(LAYER_TYPE, u64::MAX)])), "it may have 64 MiB"),
            (
                with(
                    "/layers",
                    json!([{"mediaType": LAYER_TYPE, "digest": layer()["digest"], "size": -1}]),
                ),
                "the manifest is none",
            ),
            (
                with(
                    "/layers",
                    json!([{"mediaType": LAYER_TYPE, "digest": format!("sha512:{}", "0f".repeat(64)), "size": 9}]),
                ),
                "named by sha256",
            ),
            (
                with(
                    "/layers",
                    json!([{"mediaType": LAYER_TYPE, "digest": "sha256:../../x", "size": 9}]),
                ),
                "the manifest is none",
            ),
            (
                with(
                    "/layers",
                    json!([{"mediaType": LAYER_TYPE, "digest": layer()["digest"], "size": 9, "urls": ["https://evil.example"]}]),
                ),
                "not followed",
            ),
            (signed(16 * 1024 + 1), "more than 16 KiB"),
        ] {
            let refused = read(&manifest).unwrap_err().to_string();
            assert!(refused.contains(says), "{says}: {refused}");
        }
        assert!(read(&signed(16 * 1024)).is_ok());
        for odd in ["../x.wasm", "a b", "", ".bashrc", "a\u{202e}b"] {
            let titled = json!({"org.opencontainers.image.title": odd});
            let mut manifest = good();
            manifest["layers"][0]["annotations"] = titled;
            assert_eq!(read(&manifest).map(|read| read.title), Ok(None), "{odd}");
        }
        let large = vec![b' '; 1024 * 1024 + 1];
        assert_eq!(Manifest::read(&large), Err(NotAnArtifact::TooLarge));
        let deep = "[".repeat(100_000);
        assert!(matches!(Manifest::read(deep.as_bytes()), Err(NotAnArtifact::Form(_))));
    }
}
