//! Deliveries on disk: new folders, folders of earlier deliveries, folders of others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bailiwick_core::ports::Durable;
use serde_json::json;
use tempfile::TempDir;

use super::fixture::{Memory, campaign, outline, png};
use crate::delivery::{
    Content, Delivery, DeliveryError, FilePath, Planned, Written, deliver, write,
};

fn durable() -> Durable {
    Durable::attest(1)
}

fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = vec![folder.to_owned()];
    while let Some(at) = next.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                next.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// A delivery of these texts, with a manifest as `compose` makes it.
fn texts(paths: &[&str]) -> Delivery {
    let path = |text: &str| FilePath::read(text).unwrap();
    let mut files: Vec<Planned> = paths
        .iter()
        .map(|p| Planned { path: path(p), content: Content::Text((*p).to_owned()) })
        .collect();
    let listed: Vec<_> = paths.iter().map(|p| json!({"file": p})).collect();
    let manifest = json!({"format": "bailiwick delivery 1", "files": listed});
    files.push(Planned { path: path("manifest.json"), content: Content::Json(manifest) });
    Delivery { files }
}

async fn put(out: &Path, paths: &[&str]) -> Result<Written, DeliveryError> {
    write(&durable(), out, &texts(paths), &Memory::default()).await
}

#[tokio::test]
async fn a_campaign_is_delivered_whole() {
    let (blobs, home) = (Memory::default(), TempDir::new().unwrap());
    let (state, entries) =
        campaign(&blobs, &|locale, aspect, round| png(9, 16, &format!("{locale}{aspect}{round}")));
    let out = home.path().join("deep/er/out");
    let written = deliver(&durable(), &out, &outline(), (&state, &entries), &blobs).await.unwrap();
    let found = files(&out);
    assert_eq!((written.files, written.removed), (found.len(), 0));
    assert!(
        found.contains("index.html") && found.contains("bundle/locale=de-DE,aspect=1-1/hero.png"),
        "{found:?}"
    );
    assert_eq!(
        written.bytes.0,
        found.iter().map(|file| fs::metadata(out.join(file)).unwrap().len()).sum::<u64>()
    );
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_earlier_delivery_is_replaced_without_leaving_its_files() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    put(&out, &["index.html", "old/a/x.png", "old/b.json", "kept/x.txt"]).await.unwrap();
    fs::write(out.join("kept/notes.txt"), "mine").unwrap();
    let written = put(&out, &["index.html", "new/x.png", "kept/x.txt"]).await.unwrap();
    assert_eq!(written.removed, 2);
    let expected = ["index.html", "manifest.json", "new/x.png", "kept/x.txt", "kept/notes.txt"];
    assert_eq!(files(&out), expected.map(str::to_owned).into());
    assert!(!out.join("old").exists());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_empty_folder_is_as_good_as_none() {
    let home = TempDir::new().unwrap();
    put(home.path(), &["index.html"]).await.unwrap();
    assert_eq!(files(home.path()).len(), 2);
}

#[tokio::test]
async fn folders_of_others_are_refused_and_left_alone() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    fs::create_dir(&out).unwrap();
    for (file, text) in [
        ("notes.txt", "mine"),
        ("manifest.json", "{\"name\": \"my web app\"}"),
        ("manifest.json", "{"),
    ] {
        fs::write(out.join(file), text).unwrap();
        let refused = put(&out, &["index.html"]).await;
        assert!(matches!(refused, Err(DeliveryError::NotOurs { .. })), "{file}");
        assert_eq!(fs::read_to_string(out.join(file)).unwrap(), text);
        assert_eq!(files(&out).len(), 1);
        fs::remove_file(out.join(file)).unwrap();
    }
    fs::write(home.path().join("file"), "").unwrap();
    assert!(matches!(
        put(&home.path().join("file"), &[]).await,
        Err(DeliveryError::NoFolder { .. })
    ));
}

#[tokio::test]
async fn files_that_nobody_delivered_are_not_written_over() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    put(&out, &["index.html"]).await.unwrap();
    fs::create_dir(out.join("new")).unwrap();
    fs::write(out.join("new/x.png"), "mine").unwrap();
    let refused = put(&out, &["index.html", "new/x.png"]).await;
    assert!(
        matches!(&refused, Err(DeliveryError::InTheWay { path }) if path.ends_with("new/x.png")),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(out.join("new/x.png")).unwrap(), "mine");
}

#[tokio::test]
#[cfg(unix)]
async fn links_lead_nowhere() {
    let home = TempDir::new().unwrap();
    let (out, elsewhere) = (home.path().join("out"), home.path().join("elsewhere"));
    put(&out, &["index.html", "a/x.txt"]).await.unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("x.txt"), "mine").unwrap();
    fs::remove_dir_all(out.join("a")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, out.join("a")).unwrap();
    // Neither written through …
    assert!(matches!(
        put(&out, &["index.html", "a/x.txt"]).await,
        Err(DeliveryError::InTheWay { .. })
    ));
    // … nor cleared up through.
    put(&out, &["index.html"]).await.unwrap();
    assert_eq!(fs::read_to_string(elsewhere.join("x.txt")).unwrap(), "mine");
}

#[tokio::test]
async fn a_manifest_names_no_file_outside_its_folder() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(home.path().join("victim"), "mine").unwrap();
    let victim = home.path().join("victim");
    let named =
        ["../victim", victim.to_str().unwrap(), "a/../../victim"].map(|file| json!({"file": file}));
    let forged = json!({"format": "bailiwick delivery 1", "files": named});
    fs::write(out.join("manifest.json"), forged.to_string()).unwrap();
    put(&out, &["index.html"]).await.unwrap();
    assert_eq!(fs::read_to_string(victim).unwrap(), "mine");
}

#[tokio::test]
async fn missing_bytes_leave_everything_as_it_was() {
    let (blobs, home) = (Memory::default(), TempDir::new().unwrap());
    let out = home.path().join("out");
    put(&out, &["index.html", "old.txt"]).await.unwrap();
    let before = files(&out);
    let lost = blobs.keep(vec![1], "text/plain", None);
    blobs.forget(lost.digest);
    let mut delivery = texts(&["index.html"]);
    delivery.files.insert(
        0,
        Planned { path: FilePath::read("lost.txt").unwrap(), content: Content::Artifact(lost) },
    );
    let refused = write(&durable(), &out, &delivery, &blobs).await;
    assert!(
        matches!(&refused, Err(DeliveryError::Bytes { file, .. }) if file.as_str() == "lost.txt"),
        "{refused:?}"
    );
    assert_eq!(files(&out), before);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_delivery_that_was_cut_short_is_cleared_up_by_the_next() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    put(&out, &["index.html", "old.txt"]).await.unwrap();
    // As a crash leaves it: the claim on both sets of files, some of the new ones in place.
    let named =
        ["index.html", "old.txt", "half.txt", "manifest.json"].map(|file| json!({"file": file}));
    let claim = json!({"format": "bailiwick delivery 1", "complete": false, "files": named});
    fs::write(out.join("manifest.json"), claim.to_string()).unwrap();
    fs::write(out.join("half.txt"), "").unwrap();
    put(&out, &["index.html"]).await.unwrap();
    assert_eq!(files(&out), ["index.html", "manifest.json"].map(str::to_owned).into());
}
