//! A command's side of the control socket: finds the host of a data folder and asks it. Prints nothing.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{BlobError, Blobs, BoxFuture};
use bailiwick_core::{Diagnostic, Digest, Name, RunId};
use bailiwick_engine::approvals::{self, Given, OpenQuestion};
use bailiwick_engine::delivery::Outline;
use bailiwick_engine::rules::{Change, Taken};
use bailiwick_engine::serve::{Offer, Parcel, Piece};
use bailiwick_engine::swap::{self, Report, SwapRequest};
use bailiwick_engine::{Problems, codes};
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

use super::frame::{self, CHUNK_BYTES, FrameError, Kind};
use super::message::{Answer, Decided, Greeting, Hello, Listed, Request, VERSION, edit};
use super::{server, socket};
use crate::ending::Broken;
use crate::environment::Environment;

/// A connection to a host.
pub(crate) struct Client {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

impl Client {
    /// Connects to the host that holds a data folder; nothing where none listens.
    pub(crate) async fn find(
        environment: &Environment,
        data: &Path,
    ) -> anyhow::Result<Option<Self>> {
        for place in socket::places(environment, data) {
            let stream = match UnixStream::connect(&place).await {
                Ok(stream) => stream,
                Err(error) if is_nobody(&error) => continue,
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("the control socket {}", place.display()));
                }
            };
            // Only the folder's owner, or root, speaks for it.
            let (owner, peer) = (fs::metadata(data)?.uid(), stream.peer_cred()?.uid());
            if peer != owner && peer != 0 {
                bail!("{} is listened on by uid {peer}, not by {owner}", place.display());
            }
            return Self::greet(stream).await.map(Some);
        }
        Ok(None)
    }

    /// The same, where there must be one.
    pub(crate) async fn reach(environment: &Environment, data: &Path) -> anyhow::Result<Self> {
        Self::find(environment, data).await?.ok_or_else(|| {
            let message = format!("no host serves the data folder {}", data.display());
            let hint = "start one: bailiwick serve --data DIR --project DIR; or run it here: bailiwick run";
            Problems::one(Diagnostic::error(codes::NO_HOST, message).hint(hint)).into()
        })
    }

    async fn greet(stream: UnixStream) -> anyhow::Result<Self> {
        let (from, to) = stream.into_split();
        let mut client = Self { from: BufReader::new(from), to };
        // A host that lets nobody in may have closed already, and its words are there.
        let said = frame::send(&mut client.to, &Hello { version: VERSION }).await;
        match frame::take_long(&mut client.from).await {
            Ok(Greeting::Welcome { version: VERSION, .. }) => {}
            Ok(Greeting::Welcome { version, .. }) => {
                let message = format!(
                    "the host speaks version {version} of the control messages, and this program {VERSION}"
                );
                return Err(Problems::one(Diagnostic::error(codes::CONTROL, message)).into());
            }
            Ok(Greeting::Refused(wrong)) => return Err(Problems::from(wrong).into()),
            Err(FrameError::Closed | FrameError::System(_)) => return Err(server::busy().into()),
            Err(error) => return Err(unexpected(&error.to_string())),
        }
        said.map_err(lost)?;
        Ok(client)
    }

    /// Submits a run, with what goes along.
    pub(crate) async fn submit(
        &mut self,
        project: Option<String>,
        pipeline: Option<Name>,
        parcel: &Parcel,
    ) -> anyhow::Result<RunId> {
        let offer: Offer = parcel.offer.clone();
        self.ask(&Request::Submit { project, pipeline, offer }).await?;
        loop {
            match self.next().await? {
                Answer::Want { digest, from } => {
                    let bytes = parcel.read(&digest, from, CHUNK_BYTES)?;
                    self.hand_over(&bytes).await?;
                }
                Answer::Submitted { run } => return Ok(run),
                other => return Err(out_of_turn(&other)),
            }
        }
    }

    /// Answers questions.
    pub(crate) async fn decide(
        &mut self,
        given: &[Given],
    ) -> anyhow::Result<Vec<approvals::Taken>> {
        self.ask(&Request::Decide { given: given.iter().map(Decided::from).collect() }).await?;
        loop {
            match self.next().await? {
                Answer::Want { digest, from } => {
                    let values = given.iter().filter_map(|given| edit(&given.decision)?.text());
                    let from = usize::try_from(from).unwrap_or(usize::MAX);
                    let rest = values.filter(|text| Digest::of(text.as_bytes()) == digest);
                    let rest = rest.filter_map(|text| text.as_bytes().get(from..)).next();
                    let chunk = rest.and_then(|rest| rest.chunks(CHUNK_BYTES).next());
                    self.hand_over(chunk.unwrap_or_default()).await?;
                }
                Answer::Taken(taken) => {
                    return Ok(taken.into_iter().map(approvals::Taken::from).collect());
                }
                other => return Err(out_of_turn(&other)),
            }
        }
    }

    pub(crate) async fn cancel(&mut self, run: &RunId) -> anyhow::Result<()> {
        self.do_it(&Request::Cancel { run: run.clone() }).await
    }

    pub(crate) async fn pause(&mut self, run: &RunId) -> anyhow::Result<()> {
        self.do_it(&Request::Pause { run: run.clone() }).await
    }

    pub(crate) async fn resume(
        &mut self,
        run: &RunId,
        retry_failed: bool,
        repin: &[String],
        decisions: &Parcel,
    ) -> anyhow::Result<()> {
        let (run, repin, piece) = (run.clone(), repin.to_vec(), decisions.offer.decisions.clone());
        self.ask(&Request::Resume { run, retry_failed, repin, decisions: piece }).await?;
        loop {
            match self.next().await? {
                Answer::Want { digest, from } => {
                    let bytes = decisions.read(&digest, from, CHUNK_BYTES)?;
                    self.hand_over(&bytes).await?;
                }
                Answer::Done => return Ok(()),
                other => return Err(out_of_turn(&other)),
            }
        }
    }

    /// Begins to follow a run; [`Client::entry`] gives what is told.
    pub(crate) async fn follow(&mut self, run: &RunId, wait: bool) -> anyhow::Result<()> {
        self.ask(&Request::Follow { run: run.clone(), wait }).await
    }

    /// The next entry of the run that is followed; nothing where no more follows.
    pub(crate) async fn entry(&mut self) -> anyhow::Result<Option<Entry>> {
        match self.next().await? {
            Answer::Entry(told) => Ok(Some(Entry::from(told))),
            Answer::Over => Ok(None),
            other => Err(out_of_turn(&other)),
        }
    }

    pub(crate) async fn outline(&mut self, run: &RunId) -> anyhow::Result<Outline> {
        self.ask(&Request::Outline { run: run.clone() }).await?;
        match self.next().await? {
            Answer::Outline(value) => {
                Outline::from_json(&value).ok_or_else(|| unexpected("no outline"))
            }
            other => Err(out_of_turn(&other)),
        }
    }

    pub(crate) async fn runs(&mut self, limit: u32) -> anyhow::Result<Vec<Listed>> {
        self.ask(&Request::Runs { limit }).await?;
        match self.next().await? {
            Answer::Runs(runs) => Ok(runs),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Takes a power away, or gives it back; whether that changed anything.
    pub(crate) async fn revoke(
        &mut self,
        holder: &str,
        power: &str,
        change: Change,
    ) -> anyhow::Result<bool> {
        let (holder, power) = (holder.to_owned(), power.to_owned());
        self.ask(&Request::Revoke { holder, power, undo: change == Change::Undo }).await?;
        match self.next().await? {
            Answer::Changed(changed) => Ok(changed),
            other => Err(out_of_turn(&other)),
        }
    }

    pub(crate) async fn revoked(&mut self) -> anyhow::Result<Vec<Taken>> {
        self.ask(&Request::Revoked).await?;
        match self.next().await? {
            Answer::Revoked(gone) => Ok(gone.into_iter().map(Taken::from).collect()),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Swaps an agent name; what came of it.
    pub(crate) async fn swap(
        &mut self,
        project: Option<String>,
        request: &SwapRequest,
    ) -> anyhow::Result<Report> {
        let SwapRequest { agent, component, accept, downgrade, rehearse, require_equal } =
            request.clone();
        let bytes = component.as_ref().map(|sent| Arc::clone(&sent.bytes));
        let piece = bytes.as_ref().map(|bytes| Piece {
            name: String::new(),
            digest: Digest::of(bytes),
            bytes: bytes.len() as u64,
        });
        let asked = Request::Swap {
            project,
            agent,
            component: piece,
            signature: component.and_then(|sent| sent.signature),
            accept,
            downgrade,
            rehearse,
            require_equal,
        };
        self.ask(&asked).await?;
        loop {
            match self.next().await.map_err(unsaid)? {
                Answer::Want { from, .. } => {
                    let from = usize::try_from(from).unwrap_or(usize::MAX);
                    let rest = bytes.as_ref().and_then(|bytes| bytes.get(from..));
                    let chunk = rest.and_then(|rest| rest.chunks(CHUNK_BYTES).next());
                    self.hand_over(chunk.unwrap_or_default()).await?;
                }
                Answer::Swapped(report) => return Ok(*report),
                other => return Err(out_of_turn(&other)),
            }
        }
    }

    pub(crate) async fn slots(&mut self) -> anyhow::Result<Vec<swap::Slot>> {
        self.ask(&Request::Slots).await?;
        match self.next().await? {
            Answer::Slots(slots) => Ok(slots.into_iter().map(swap::Slot::from).collect()),
            other => Err(out_of_turn(&other)),
        }
    }

    pub(crate) async fn questions(
        &mut self,
        run: Option<&RunId>,
    ) -> anyhow::Result<Vec<OpenQuestion>> {
        self.ask(&Request::Questions { run: run.cloned() }).await?;
        match self.next().await? {
            Answer::Questions(open) => Ok(open.into_iter().map(OpenQuestion::from).collect()),
            other => Err(out_of_turn(&other)),
        }
    }

    async fn bytes(&mut self, run: &RunId, digest: Digest) -> anyhow::Result<Vec<u8>> {
        self.ask(&Request::Bytes { run: run.clone(), digest }).await?;
        let Answer::Bytes { bytes: announced } = self.next().await? else {
            bail!("the host sends something else than bytes");
        };
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < announced {
            match frame::read(&mut self.from, None).await.map_err(lost)? {
                (Kind::Bytes, chunk) if !chunk.is_empty() => bytes.extend(chunk),
                _ => bail!("the host sends something else than bytes"),
            }
        }
        match self.next().await? {
            Answer::Over if Digest::of(&bytes) == digest => Ok(bytes),
            Answer::Over => bail!("the host sends other bytes than were asked for"),
            other => Err(out_of_turn(&other)),
        }
    }

    async fn do_it(&mut self, request: &Request) -> anyhow::Result<()> {
        self.ask(request).await?;
        match self.next().await? {
            Answer::Done => Ok(()),
            other => Err(out_of_turn(&other)),
        }
    }

    async fn ask(&mut self, request: &Request) -> anyhow::Result<()> {
        frame::send(&mut self.to, request).await.map_err(lost)
    }

    async fn hand_over(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        frame::write(&mut self.to, Kind::Bytes, bytes).await.map_err(lost)
    }

    async fn next(&mut self) -> anyhow::Result<Answer> {
        match frame::take_long(&mut self.from).await.map_err(lost)? {
            Answer::Refused(wrong) if wrong.input => Err(Problems::from(wrong).into()),
            Answer::Refused(wrong) => Err(Broken(wrong.into()).into()),
            answer => Ok(answer),
        }
    }
}

/// The bytes of a run that a host has, for a delivery at this side.
pub(crate) struct HostBlobs {
    pub(crate) client: Mutex<Client>,
    pub(crate) run: RunId,
}

impl Blobs for HostBlobs {
    fn put(&self, _: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        Box::pin(async { Err(BlobError::Storage("bytes are only read from a host".into())) })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        Box::pin(async move {
            let mut client = self.client.lock().await;
            client
                .bytes(&self.run, digest)
                .await
                .map_err(|error| BlobError::Storage(format!("{error:#}")))
        })
    }
}

/// Whether an error says that nobody listens there, or that we may not even look.
fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | ConnectionRefused | NotADirectory | PermissionDenied)
}

fn lost(error: FrameError) -> anyhow::Error {
    anyhow::Error::new(error).context("the host is gone, or does not understand this program")
}

/// A host that ends in the middle of a swap has not said what became of it: its journal
/// knows.
fn unsaid(error: anyhow::Error) -> anyhow::Error {
    let Some(FrameError::Closed | FrameError::System(_)) = error.downcast_ref() else {
        return error;
    };
    let message = "the host ended before it said what became of the swap";
    let hint = "the old component serves, or the new one: `bailiwick swap --list` says which, and the next host goes by it; the same swap may be asked for again";
    Broken(Problems::one(Diagnostic::error(codes::HOST_LEFT, message).hint(hint))).into()
}

fn unexpected(what: &str) -> anyhow::Error {
    let message = format!("the host's answer is not understood: {what}");
    Problems::one(Diagnostic::error(codes::CONTROL, message)).into()
}

fn out_of_turn(answer: &Answer) -> anyhow::Error {
    let what = serde_json::to_string(answer).unwrap_or_default();
    unexpected(what.split([':', '{']).find(|word| !word.is_empty()).unwrap_or_default())
}
