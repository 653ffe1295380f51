//! One connection at the host: what somebody asks, answered by the engine's operations. Holds little for anybody, and for nobody long.

use std::time::Duration;

use bailiwick_core::document::DOCUMENT_MAX_BYTES;
use bailiwick_core::{Diagnostic, Digest, Document, RunId};
use bailiwick_engine::approvals::{Given, NotTaken};
use bailiwick_engine::resume::RepinWhat;
use bailiwick_engine::rules::{self, Change};
use bailiwick_engine::serve::{Again, Piece, Resident, Shown, Staging};
use bailiwick_engine::swap::{COMPONENT_MAX, Sent, SwapRequest};
use bailiwick_engine::{Problems, codes};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::frame::{self, CHUNK_BYTES, FrameError, Kind};
use super::message::{
    Answer, Asked, Decided, Gone, Greeting, Hello, Listed, Noted, Request, Slot, Told, VERSION,
    Wrong,
};

/// How long somebody may say nothing before his first word.
const HELLO_TIME: Duration = Duration::from_secs(5);
/// How long somebody may say nothing between two questions.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// How long one submission may take: a gigabyte at two megabytes a second, twice.
const SUBMIT_TIME: Duration = Duration::from_secs(1_200);
/// A `decisions.toml`: what the engine takes of any text that people write.
const DECISIONS_MAX_BYTES: u64 = 1024 * 1024;
/// The values of edits that come with one request, together.
const EDITS_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Somebody who is connected.
pub(super) struct Connection {
    resident: Resident,
    /// Who he is, as the kernel says it.
    uid: u32,
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    /// What he may fetch of the run that he asked about last.
    shown: Option<Shown>,
}

/// Why an answer was not given: the other side is gone, or it was refused.
enum Failed {
    Connection(FrameError),
    Refused(Wrong),
}

impl From<FrameError> for Failed {
    fn from(error: FrameError) -> Self {
        Self::Connection(error)
    }
}

impl From<Problems> for Failed {
    fn from(problems: Problems) -> Self {
        Self::Refused(Wrong::asked(&problems))
    }
}

impl Connection {
    pub(super) fn new(resident: Resident, uid: u32, stream: UnixStream) -> Self {
        let (from, to) = stream.into_split();
        Self { resident, uid, from: BufReader::new(from), to, shown: None }
    }

    /// Says that nobody will listen, and why.
    pub(super) async fn refuse(mut self, problems: &Problems) {
        // He may be gone already.
        let _ = frame::send(&mut self.to, &Greeting::Refused(Wrong::asked(problems))).await;
    }

    /// Answers until the other side goes, or errs.
    pub(super) async fn serve(mut self) -> Result<(), FrameError> {
        let hello: Hello = frame::take(&mut self.from, HELLO_TIME).await?;
        if hello.version != VERSION {
            let message = format!(
                "this host speaks version {VERSION} of the control messages, and you speak {}",
                hello.version
            );
            let problems = Problems::one(Diagnostic::error(codes::CONTROL, message));
            self.refuse(&problems).await;
            return Ok(());
        }
        let projects = self.resident.projects();
        let welcome = Greeting::Welcome { version: VERSION, pid: std::process::id(), projects };
        frame::send(&mut self.to, &welcome).await?;
        loop {
            let request = match frame::take(&mut self.from, IDLE_TIME).await {
                Ok(request) => request,
                Err(FrameError::Closed) => return Ok(()),
                Err(error) => {
                    let message = Diagnostic::error(codes::CONTROL, error.to_string());
                    let wrong = Wrong::asked(&Problems::one(message));
                    // Said once; nothing that follows can be understood.
                    let _ = frame::send(&mut self.to, &Answer::Refused(wrong)).await;
                    return Err(error);
                }
            };
            let answer = match self.answer(request).await {
                Ok(answer) => answer,
                Err(Failed::Refused(wrong)) => Answer::Refused(wrong),
                Err(Failed::Connection(error)) => return Err(error),
            };
            frame::send(&mut self.to, &answer).await?;
            if let Answer::Refused(_) = answer {
                // Bytes that were not wanted any more may be under way.
                return Ok(());
            }
        }
    }

    /// The last answer to a request; what comes before it is sent on the way.
    async fn answer(&mut self, request: Request) -> Result<Answer, Failed> {
        let (resident, uid) = (self.resident.clone(), self.uid);
        match request {
            Request::Submit { project, pipeline, offer } => {
                let (project, pipeline) = (project.as_deref(), pipeline.as_ref());
                let staging = resident.stage(uid, project, pipeline, offer).await?;
                let taken = tokio::time::timeout(SUBMIT_TIME, self.fill(staging)).await;
                let staging = taken.map_err(|_| FrameError::Slow)??;
                Ok(Answer::Submitted { run: resident.submit(staging).await? })
            }
            Request::Decide { given } => self.decide(given).await,
            Request::Cancel { run } => Ok(done(resident.cancel(uid, &run).await?)),
            Request::Pause { run } => Ok(done(resident.pause(uid, &run).await?)),
            Request::Resume { run, retry_failed, repin, decisions } => {
                let repin = repin.iter().map(|word| repinned(word)).collect::<Result<_, _>>()?;
                let decisions = match decisions {
                    Some(piece) => Some(self.text(&piece, DECISIONS_MAX_BYTES).await?),
                    None => None,
                };
                let how = Again { retry_failed, repin, decisions };
                Ok(done(resident.resume(uid, &run, how).await?))
            }
            Request::Follow { run, wait } => {
                let mut following = resident.follow(uid, &run).await?;
                loop {
                    let next = async {
                        match wait {
                            true => following.next().await,
                            false => following.so_far().await,
                        }
                    };
                    let entry = tokio::select! {
                        entry = next => entry.map_err(|problems| broke(&problems))?,
                        // Who goes away, or speaks out of his turn, follows no more.
                        _ = self.from.fill_buf() => return Err(FrameError::Closed.into()),
                    };
                    let Some(entry) = entry else { return Ok(Answer::Over) };
                    let told = Answer::Entry(Told::from(entry.as_ref()));
                    frame::send(&mut self.to, &told).await?;
                }
            }
            Request::Outline { run } => {
                Ok(Answer::Outline(resident.outline(uid, &run).await?.to_json()))
            }
            Request::Bytes { run, digest } => {
                let bytes = self.bytes(&run, digest).await?;
                let answer = Answer::Bytes { bytes: bytes.len() as u64 };
                frame::send(&mut self.to, &answer).await?;
                for chunk in bytes.chunks(CHUNK_BYTES) {
                    frame::write(&mut self.to, Kind::Bytes, chunk).await?;
                }
                Ok(Answer::Over)
            }
            Request::Runs { limit } => {
                let runs = resident.runs(uid, limit).await?.into_iter().map(|run| Listed {
                    run: run.run,
                    pipeline: run.pipeline,
                    project: run.project,
                    state: run.phase.as_str().to_owned(),
                    started: run.started,
                    latest: run.latest,
                    ended: run.ended,
                    cost: run.cost,
                    currency: run.currency,
                    rests: run.rests.map(|rests| (rests.reason, rests.since)),
                });
                Ok(Answer::Runs(runs.collect()))
            }
            Request::Revoke { holder, power, undo } => {
                let what = rules::parse(&holder, &power)?;
                let change = if undo { Change::Undo } else { Change::Revoke };
                Ok(Answer::Changed(resident.revoke(uid, &what, change).await?))
            }
            Request::Revoked => {
                let gone = resident.revoked(uid).await?;
                Ok(Answer::Revoked(gone.into_iter().map(Gone::from).collect()))
            }
            Request::Swap {
                project,
                agent,
                component,
                signature,
                accept,
                downgrade,
                rehearse,
                require_equal,
            } => {
                let room = resident.may_send_component(uid).await?;
                let component = match component {
                    Some(piece) => {
                        let sent = self.bytes_of(&piece, COMPONENT_MAX.0);
                        let sent = tokio::time::timeout(SUBMIT_TIME, sent).await;
                        let bytes = sent.map_err(|_| FrameError::Slow)??.into();
                        Some(Sent { bytes, signature })
                    }
                    None => None,
                };
                let request =
                    SwapRequest { agent, component, accept, downgrade, rehearse, require_equal };
                let report = resident.swap(uid, project.as_deref(), request).await?;
                drop(room);
                Ok(Answer::Swapped(Box::new(report)))
            }
            Request::Slots => {
                let slots = resident.slots(uid).await?;
                Ok(Answer::Slots(slots.into_iter().map(Slot::from).collect()))
            }
            Request::Questions { run } => {
                let open = resident.questions(uid, run.as_ref()).await?;
                Ok(Answer::Questions(open.into_iter().map(Asked::from).collect()))
            }
        }
    }

    /// What may be fetched of a run is looked up once, and again where the run has gone on.
    async fn bytes(&mut self, run: &RunId, digest: Digest) -> Result<Vec<u8>, Problems> {
        let known = self.shown.take().filter(|shown| shown.holds(run, &digest));
        let shown = match known {
            Some(shown) => shown,
            None => self.resident.shown(self.uid, run).await?,
        };
        let bytes = self.resident.blob(self.uid, &shown, digest).await;
        self.shown = Some(shown);
        bytes
    }

    async fn fill(&mut self, mut staging: Staging) -> Result<Staging, Failed> {
        while let Some((digest, from)) = staging.wanted() {
            let bytes = self.want(digest, from).await?;
            tokio::task::block_in_place(|| staging.take(&bytes))?;
        }
        Ok(staging)
    }

    async fn want(&mut self, digest: Digest, from: u64) -> Result<Vec<u8>, FrameError> {
        frame::send(&mut self.to, &Answer::Want { digest, from }).await?;
        match frame::read(&mut self.from, Some(IDLE_TIME)).await? {
            (Kind::Bytes, bytes) => Ok(bytes),
            _ => Err(FrameError::Nonsense("bytes were expected".into())),
        }
    }

    async fn decide(&mut self, decided: Vec<Decided>) -> Result<Answer, Failed> {
        let (mut given, mut left) = (Vec::new(), EDITS_MAX_BYTES);
        for mut one in decided {
            if let bailiwick_core::fact::Decision::Edit { value, .. } = &mut one.decision {
                let piece = one.value.clone().ok_or_else(|| wrong("an edit has a value"))?;
                let most = (DOCUMENT_MAX_BYTES as u64).min(left);
                *value = self.document(&piece, value.digest(), most).await?;
                left -= piece.bytes.min(left);
            }
            given.push(Given::from(one));
        }
        match self.resident.decide(self.uid, given).await {
            Ok(taken) => Ok(Answer::Taken(taken.into_iter().map(Noted::from).collect())),
            Err(NotTaken::Wrong(problems)) => Err(problems.into()),
            Err(NotTaken::Refused(problems) | NotTaken::Storage(problems)) => Err(broke(&problems)),
        }
    }

    /// A document of which digest and size were announced.
    async fn document(
        &mut self,
        piece: &Piece,
        digest: Digest,
        most: u64,
    ) -> Result<Document, Failed> {
        if piece.digest != digest {
            return Err(wrong("a value is another one than was announced"));
        }
        let text = self.text(piece, most).await?;
        let (document, _) = Document::parse(&text).map_err(|error| wrong(&error.to_string()))?;
        match document.digest() == digest {
            true => Ok(document),
            false => Err(wrong("a value is another one than was announced")),
        }
    }

    /// A text of which digest and size were announced.
    async fn text(&mut self, piece: &Piece, most: u64) -> Result<String, Failed> {
        let text = self.bytes_of(piece, most).await?;
        String::from_utf8(text).map_err(|_| wrong("what was announced is no text"))
    }

    /// Bytes of which digest and size were announced.
    async fn bytes_of(&mut self, piece: &Piece, most: u64) -> Result<Vec<u8>, Failed> {
        if piece.bytes > most {
            return Err(wrong(&format!("{} bytes were announced; at most {most}", piece.bytes)));
        }
        let mut all = Vec::new();
        while (all.len() as u64) < piece.bytes {
            let bytes = self.want(piece.digest, all.len() as u64).await?;
            if bytes.is_empty() || (all.len() + bytes.len()) as u64 > piece.bytes {
                return Err(wrong("the bytes are not as many as were announced"));
            }
            all.extend(bytes);
        }
        if Digest::of(&all) != piece.digest {
            return Err(wrong("the bytes are not those that were announced"));
        }
        Ok(all)
    }
}

fn done((): ()) -> Answer {
    Answer::Done
}

fn broke(problems: &Problems) -> Failed {
    Failed::Refused(Wrong::broke(problems))
}

fn wrong(what: &str) -> Failed {
    Problems::one(Diagnostic::error(codes::CONTROL, what.to_owned())).into()
}

/// What is taken from today's files, by its word.
pub(crate) fn repinned(word: &str) -> Result<RepinWhat, Problems> {
    RepinWhat::parse(word).ok_or_else(|| {
        let known = RepinWhat::ALL.map(RepinWhat::as_str).join(", ");
        let message = format!("--repin {word}: there is {known}");
        Problems::one(Diagnostic::error(codes::BAD_REPIN, message))
    })
}
