//! The tags of a name: which versions a registry has. A bounded number of them, whatever it sends.

use bailiwick_core::Bytes;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use url::Url;

use super::Registry;
use super::error::{RegistryError, What};
use super::session::{Access, Ask, Session};
use crate::target::Target;

/// The most tags that are read: a component that is released every day has as many in
/// three years.
pub const TAGS_MAX: usize = 1000;
/// The most requests for them: registries give a hundred at once.
const PAGES_MAX: usize = 20;
/// How many are asked for at once.
const PAGE: &str = "100";
/// The largest answer: a thousand tags of 128 bytes, and room.
const ANSWER_MAX: Bytes = Bytes::mib(1);

/// The tags of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// In the order in which the registry has them.
    pub names: Vec<String>,
    /// Whether there are more than were read.
    pub more: bool,
}

#[derive(Deserialize)]
struct Page {
    /// `null` where there is none.
    tags: Option<Vec<String>>,
}

impl Registry<'_> {
    /// Lists the tags of the reference's name, at most [`TAGS_MAX`].
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn tags(&self) -> Result<Tags, RegistryError> {
        let mut session = Session::new(self, Access::Pull);
        let mut url = session.place(&["tags", "list"])?.url().clone();
        url.query_pairs_mut().append_pair("n", PAGE);
        let mut next = Some(url);
        let mut names = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(url) = next else { return Ok(Tags { names, more: false }) };
            let target = session.target(url)?;
            let answer = session.ask(&target, &Ask::get(What::Tags)).await?;
            let answer = session.good(answer).await?;
            next = following(&target, answer.response.headers());
            let body = session.body(answer, ANSWER_MAX).await?;
            let page: Page = serde_json::from_slice(&body)
                .map_err(|_| RegistryError::NoRegistry("its list of tags is none".into()))?;
            for tag in page.tags.into_iter().flatten() {
                // What no reference can name is not shown to anybody.
                if self.reference.tagged(&tag).is_err() {
                    continue;
                }
                if names.len() == TAGS_MAX {
                    return Ok(Tags { names, more: true });
                }
                names.push(tag);
            }
        }
        Ok(Tags { names, more: next.is_some() })
    }
}

/// The next page, where there is one: the same list with another query.
fn following(target: &Target, headers: &HeaderMap) -> Option<Url> {
    let text = headers.get(LINK)?.to_str().ok()?;
    let (link, relation) = text.split_once('>')?;
    if !relation.to_ascii_lowercase().contains("rel=\"next\"") && !relation.contains("rel=next") {
        return None;
    }
    let url = target.url().join(link.trim_start().strip_prefix('<')?).ok()?;
    let same = url.origin() == target.url().origin()
        && url.path() == target.url().path()
        && url.username().is_empty()
        && url.password().is_none();
    (same && url.query() != target.url().query()).then_some(url)
}
