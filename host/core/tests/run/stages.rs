//! The table of `core::run`, walked: every stage against every fact.

use bailiwick_core::Timestamp;

use crate::words::{after, fact, stage};

/// Every fact that is tried in every stage.
const FACTS: &[&str] = &[
    "begin",
    "fix axis",
    "lay out draft",
    "lay out check",
    "skip",
    "draft 0/1 starts",
    "draft 0/2 starts",
    "draft 1/1 starts",
    "draft 0/1 intends",
    "draft 0/1 answered",
    "draft 0/1 logs",
    "draft 0/1 writes",
    "draft 0/1 rests",
    "draft 0/1 fails",
    "draft 0/1 finishes",
    "check 0/1 starts",
    "check 0/2 starts",
    "check 1/1 starts",
    "check 0/1 intends",
    "check 0/1 answered",
    "check 0/1 logs",
    "check 0/1 writes",
    "check 0/1 rests",
    "check 0/1 fails",
    "check 0/1 finishes",
    "editor 0/1 starts",
    "editor 0/1 finishes",
    "check passes 0",
    "check revises 0",
    "check vetoes 0",
    "check passes 0 as opinion",
    "check passes 1",
    "check passes 1 as opinion",
    "check revises 1 as opinion",
    "check vetoes 1 as opinion",
    "editor passes 0",
    "editor vetoes 0",
    "check skips 0",
    "check skips 1",
    "editor skips 0",
    "editor skips 1",
    "check escalates 0",
    "check escalates 1",
    "check escalates 2",
    "editor escalates 0",
    "check asks 0",
    "editor asks 0",
    "editor asks 1",
    "editor approves 0",
    "editor rejects 0",
    "editor edits 0",
    "editor approves 1",
    "editor rejects 1",
    "editor edits 1",
    "release 0",
    "release 0 altered",
    "release 1",
    "drop",
    "fail",
    "run done",
    "run failed",
    "draft 0/1 parks",
    "draft 0/1 continues",
    "draft 0/1 loses",
    "draft 0/2 continues",
    "draft 0/1 reuses",
    "draft 0/2 reuses",
    "draft 1/1 reuses",
    "check 0/1 parks",
    "check 0/1 continues",
    "check 0/1 loses",
    "check 0/1 reuses",
    "run pauses",
    "run resumes",
    "run retries",
    "run interrupted",
    "run cancelled",
];

struct Row {
    /// The stage, as `words::stage` says it.
    stage: &'static str,
    /// One way there.
    way: &'static [&'static str],
    /// What is legal there, with the stage that follows.
    legal: &'static [(&'static str, &'static str)],
    /// The same, where rows share it.
    also: &'static [(&'static str, &'static str)],
}

/// Legal wherever a cell has not ended and no attempt runs; `*` is the stage itself.
const OPEN: &[(&str, &str)] = &[
    ("drop", "dropped"),
    ("fail", "failed"),
    ("run failed", "*; run failed"),
    ("run interrupted", "*; run interrupted"),
    ("run cancelled", "*; run cancelled"),
    ("run pauses", "*; run paused"),
    ("run resumes", "*"),
    ("run retries", "*"),
];

/// Legal wherever a cell has ended.
const ENDED: &[(&str, &str)] = &[
    ("run done", "*; run done"),
    ("run failed", "*; run failed"),
    ("run interrupted", "*; run interrupted"),
    ("run cancelled", "*; run cancelled"),
    ("run pauses", "*; run paused"),
    ("run resumes", "*"),
    ("run retries", "*"),
];

const TABLE: &[Row] = &[
    Row {
        stage: "idle",
        way: &[],
        legal: &[
            ("skip", "skipped"),
            ("draft 0/1 starts", "running 0/1"),
            ("draft 0/1 reuses", "judging 0: check due"),
        ],
        also: OPEN,
    },
    Row {
        stage: "running 0/1",
        way: &["draft 0/1 starts"],
        legal: &[
            ("draft 0/1 intends", "*"),
            ("draft 0/1 answered", "*"),
            ("draft 0/1 logs", "*"),
            ("draft 0/1 writes", "*"),
            ("draft 0/1 parks", "parked 0/1"),
            ("run resumes", "lost 0/1"),
            ("run retries", "lost 0/1"),
            ("draft 0/1 rests", "resting 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/1 finishes", "judging 0: check due"),
        ],
        also: &[],
    },
    Row {
        stage: "resting 0/1",
        way: &["draft 0/1 starts", "draft 0/1 rests"],
        legal: &[("draft 0/2 starts", "running 0/2")],
        also: OPEN,
    },
    Row {
        stage: "failing",
        way: &["draft 0/1 starts", "draft 0/1 fails"],
        legal: &[("run retries", "idle")],
        also: OPEN,
    },
    Row {
        stage: "judging 0: check due",
        way: CANDIDATE,
        legal: &[
            ("check 0/1 starts", "judging 0: check running 1"),
            ("check 0/1 reuses", "judging 0: check over"),
            ("check skips 0", "judging 0: editor due"),
            // Its expressions failed: it could not begin, which is a veto too.
            ("check vetoes 0", "refused"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: check running 1",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "check 0/1 starts"],
        legal: &[
            ("check 0/1 intends", "*"),
            ("check 0/1 answered", "*"),
            ("check 0/1 logs", "*"),
            ("check 0/1 writes", "*"),
            ("check 0/1 parks", "judging 0: check parked 1"),
            ("run resumes", "judging 0: check lost 1"),
            ("run retries", "judging 0: check lost 1"),
            ("check 0/1 rests", "judging 0: check resting 1"),
            ("check 0/1 fails", "judging 0: check over"),
            ("check 0/1 finishes", "judging 0: check over"),
        ],
        also: &[],
    },
    Row {
        stage: "judging 0: check resting 1",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "check 0/1 starts", "check 0/1 rests"],
        legal: &[("check 0/2 starts", "judging 0: check running 2")],
        also: OPEN,
    },
    // A failed judge has vetoed, whatever else somebody would like it to have said.
    Row {
        stage: "judging 0: check over",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "check 0/1 starts", "check 0/1 fails"],
        legal: &[("check vetoes 0", "refused")],
        also: OPEN,
    },
    Row {
        stage: "judging 0: check over",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "check 0/1 starts", "check 0/1 finishes"],
        legal: &[
            ("check passes 0", "judging 0: editor due"),
            ("check revises 0", "revising 1"),
            ("check vetoes 0", "refused"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: editor due",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "check skips 0"],
        legal: &[
            ("editor asks 0", "judging 0: editor asked"),
            ("editor skips 0", "judging 0: nobody due"),
            ("editor vetoes 0", "refused"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: editor asked",
        way: ASKED,
        legal: &[
            ("editor approves 0", "judging 0: nobody due"),
            ("editor rejects 0", "revising 1"),
            ("editor edits 0", "judging 1: check due, edited"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: nobody due",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "check skips 0", "editor skips 0"],
        legal: &[("release 0", "released 0")],
        also: OPEN,
    },
    Row {
        stage: "revising 1",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check skips 0",
            "editor asks 0",
            "editor rejects 0",
        ],
        legal: &[("draft 1/1 starts", "running 1/1"), ("draft 1/1 reuses", "judging 1: check due")],
        also: OPEN,
    },
    Row {
        stage: "spent by check",
        way: SPENT,
        legal: &[
            ("check escalates 0", "judging 0: editor due, escalated"),
            ("check escalates 1", "judging 1: editor due, escalated"),
        ],
        also: OPEN,
    },
    // What people have turned down is not put to them again.
    Row {
        stage: "spent by check",
        way: SPENT_AGAIN,
        legal: &[
            ("check escalates 1", "judging 1: editor due, escalated"),
            ("check escalates 2", "judging 2: editor due, escalated"),
        ],
        also: OPEN,
    },
    Row {
        stage: "refused",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check 0/1 starts",
            "check 0/1 fails",
            "check vetoes 0",
        ],
        legal: &[("run retries", "judging 0: check due")],
        also: OPEN,
    },
    Row {
        stage: "judging 1: check due, edited",
        way: EDITED,
        legal: &[
            ("check 1/1 starts", "judging 1: check running 1, edited"),
            ("check skips 1", "judging 1: editor due, edited"),
            ("check vetoes 1 as opinion", "judging 1: editor due, edited"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 1: check over, edited",
        way: EDIT_JUDGED,
        legal: &[
            ("check passes 1 as opinion", "judging 1: editor due, edited"),
            ("check revises 1 as opinion", "judging 1: editor due, edited"),
            ("check vetoes 1 as opinion", "judging 1: editor due, edited"),
        ],
        also: OPEN,
    },
    // The one round of the editor is spent: no edit, and a rejection is the end.
    Row {
        stage: "judging 1: editor asked, edited",
        way: EDIT_ASKED,
        legal: &[
            ("editor approves 1", "judging 1: nobody due, edited"),
            ("editor rejects 1", "refused"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: editor due, escalated",
        way: ESCALATED,
        legal: &[
            ("editor asks 0", "judging 0: editor asked, escalated"),
            ("editor skips 0", "judging 0: nobody due, escalated"),
            ("editor vetoes 0", "refused"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: editor asked, escalated",
        way: ESCALATED_ASKED,
        legal: &[
            ("editor approves 0", "judging 0: nobody due"),
            ("editor rejects 0", "revising 2"),
            ("editor edits 0", "judging 2: check due, edited"),
        ],
        also: OPEN,
    },
    // No release: only people could have let it pass.
    Row {
        stage: "judging 0: nobody due, escalated",
        way: ESCALATED_SKIPPED,
        legal: &[],
        also: OPEN,
    },
    Row {
        stage: "released 0",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check skips 0",
            "editor skips 0",
            "release 0",
        ],
        legal: &[],
        also: ENDED,
    },
    Row { stage: "skipped", way: &["skip"], legal: &[], also: ENDED },
    Row { stage: "dropped", way: &["drop"], legal: &[("run retries", "idle")], also: ENDED },
    Row { stage: "failed", way: &["fail"], legal: &[("run retries", "idle")], also: ENDED },
    Row {
        stage: "idle; run failed",
        way: &["run failed"],
        legal: &[("run retries", "idle")],
        also: &[],
    },
    // What is open is answered or lost, once; what is answered is neither again.
    Row {
        stage: "running 0/1",
        way: &["draft 0/1 starts", "draft 0/1 intends"],
        legal: &[
            ("draft 0/1 answered", "*"),
            ("draft 0/1 loses", "*"),
            ("draft 0/1 logs", "*"),
            ("draft 0/1 writes", "*"),
            ("draft 0/1 parks", "parked 0/1"),
            ("draft 0/1 rests", "resting 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/1 finishes", "judging 0: check due"),
            ("run resumes", "lost 0/1"),
            ("run retries", "lost 0/1"),
        ],
        also: &[],
    },
    Row {
        stage: "running 0/1",
        way: &["draft 0/1 starts", "draft 0/1 intends", "draft 0/1 answered"],
        legal: &[
            ("draft 0/1 logs", "*"),
            ("draft 0/1 writes", "*"),
            ("draft 0/1 parks", "parked 0/1"),
            ("draft 0/1 rests", "resting 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/1 finishes", "judging 0: check due"),
            ("run resumes", "lost 0/1"),
            ("run retries", "lost 0/1"),
        ],
        also: &[],
    },
    // What is lost is asked again.
    Row {
        stage: "running 0/1",
        way: &["draft 0/1 starts", "draft 0/1 intends", "draft 0/1 loses"],
        legal: &[
            ("draft 0/1 intends", "*"),
            ("draft 0/1 answered", "*"),
            ("draft 0/1 logs", "*"),
            ("draft 0/1 writes", "*"),
            ("draft 0/1 parks", "parked 0/1"),
            ("draft 0/1 rests", "resting 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/1 finishes", "judging 0: check due"),
            ("run resumes", "lost 0/1"),
            ("run retries", "lost 0/1"),
        ],
        also: &[],
    },
    Row {
        stage: "parked 0/1",
        way: &["draft 0/1 starts", "draft 0/1 parks"],
        legal: &[("draft 0/1 continues", "running 0/1"), ("draft 0/1 fails", "failing")],
        also: OPEN,
    },
    Row {
        stage: "parked 0/1",
        way: &["draft 0/1 starts", "draft 0/1 intends", "draft 0/1 parks"],
        legal: &[
            ("draft 0/1 continues", "running 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/1 loses", "*"),
        ],
        also: OPEN,
    },
    Row {
        stage: "lost 0/1",
        way: &["draft 0/1 starts", "run resumes"],
        legal: &[("draft 0/1 continues", "running 0/1"), ("draft 0/1 fails", "failing")],
        also: OPEN,
    },
    Row {
        stage: "lost 0/1",
        way: &["draft 0/1 starts", "draft 0/1 intends", "run resumes"],
        legal: &[
            ("draft 0/1 continues", "running 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/1 loses", "*"),
        ],
        also: OPEN,
    },
    // It runs as it did.
    Row {
        stage: "running 0/1",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 intends",
            "run resumes",
            "draft 0/1 loses",
            "draft 0/1 continues",
        ],
        legal: &[
            ("draft 0/1 intends", "*"),
            ("draft 0/1 answered", "*"),
            ("draft 0/1 logs", "*"),
            ("draft 0/1 writes", "*"),
            ("draft 0/1 parks", "parked 0/1"),
            ("draft 0/1 rests", "resting 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/1 finishes", "judging 0: check due"),
            ("run resumes", "lost 0/1"),
            ("run retries", "lost 0/1"),
        ],
        also: &[],
    },
    // In the first format an attempt could fail while a call was open.
    Row {
        stage: "resting 0/1",
        way: &["draft 0/1 starts", "draft 0/1 intends", "draft 0/1 rests"],
        legal: &[("draft 0/2 starts", "running 0/2"), ("draft 0/1 loses", "*")],
        also: OPEN,
    },
    Row {
        stage: "judging 0: check parked 1",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "check 0/1 starts", "check 0/1 parks"],
        legal: &[
            ("check 0/1 continues", "judging 0: check running 1"),
            ("check 0/1 fails", "judging 0: check over"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: check lost 1",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check 0/1 starts",
            "check 0/1 intends",
            "run resumes",
        ],
        legal: &[
            ("check 0/1 continues", "judging 0: check running 1"),
            ("check 0/1 fails", "judging 0: check over"),
            ("check 0/1 loses", "*"),
        ],
        also: OPEN,
    },
    // What was given up with its hosts is taken up again, or another begins in its place.
    Row {
        stage: "given up 0/1",
        way: GIVEN_UP,
        legal: &[
            ("draft 0/1 continues", "running 0/1"),
            ("draft 0/1 fails", "failing"),
            ("draft 0/2 starts", "running 0/2"),
            ("draft 0/2 reuses", "judging 0: check due"),
        ],
        also: OPEN,
    },
    Row {
        stage: "judging 0: check given up 1",
        way: JUDGE_GIVEN_UP,
        legal: &[
            ("check 0/1 continues", "judging 0: check running 1"),
            ("check 0/1 fails", "judging 0: check over"),
            ("check 0/2 starts", "judging 0: check running 2"),
        ],
        also: OPEN,
    },
    // What failed is tried again, under the next number.
    Row {
        stage: "idle",
        way: &["draft 0/1 starts", "draft 0/1 fails", "fail", "run failed", "run retries"],
        legal: &[
            ("skip", "skipped"),
            ("draft 0/2 starts", "running 0/2"),
            ("draft 0/2 reuses", "judging 0: check due"),
        ],
        also: OPEN,
    },
    Row {
        stage: "dropped; run failed",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check 0/1 starts",
            "check 0/1 fails",
            "check vetoes 0",
            "drop",
            "run failed",
        ],
        legal: &[("run retries", "judging 0: check due")],
        also: &[],
    },
    Row {
        stage: "judging 0: check due",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check 0/1 starts",
            "check 0/1 fails",
            "check vetoes 0",
            "drop",
            "run failed",
            "run retries",
        ],
        legal: &[
            ("check 0/2 starts", "judging 0: check running 2"),
            ("check skips 0", "judging 0: editor due"),
            ("check vetoes 0", "refused"),
        ],
        also: OPEN,
    },
    // What a judge has judged out stays out; one that could not be asked is asked.
    Row {
        stage: "dropped",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check 0/1 starts",
            "check 0/1 finishes",
            "check vetoes 0",
            "drop",
        ],
        legal: &[],
        also: ENDED,
    },
    Row {
        stage: "refused",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check 0/1 starts",
            "check 0/1 finishes",
            "check vetoes 0",
        ],
        legal: &[],
        also: OPEN,
    },
    Row {
        stage: "dropped",
        way: &["draft 0/1 starts", "draft 0/1 finishes", "drop"],
        legal: &[("run retries", "judging 0: check due")],
        also: ENDED,
    },
    // What rests or was interrupted is resumed or ended for good; meanwhile people answer.
    Row {
        stage: "idle; run paused",
        way: &["run pauses"],
        legal: &[
            ("run resumes", "idle"),
            ("run retries", "idle"),
            ("run cancelled", "idle; run cancelled"),
        ],
        also: &[],
    },
    Row {
        stage: "parked 0/1; run paused",
        way: &["draft 0/1 starts", "draft 0/1 parks", "run pauses"],
        legal: &[
            ("run resumes", "parked 0/1"),
            ("run retries", "parked 0/1"),
            ("run cancelled", "parked 0/1; run cancelled"),
        ],
        also: &[],
    },
    Row {
        stage: "judging 0: editor asked; run paused",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check skips 0",
            "editor asks 0",
            "run pauses",
        ],
        legal: &[
            ("run resumes", "judging 0: editor asked"),
            ("run retries", "judging 0: editor asked"),
            ("run cancelled", "judging 0: editor asked; run cancelled"),
            ("editor approves 0", "judging 0: nobody due; run paused"),
            ("editor rejects 0", "revising 1; run paused"),
            ("editor edits 0", "judging 1: check due, edited; run paused"),
        ],
        also: &[],
    },
    Row {
        stage: "idle; run interrupted",
        way: &["run interrupted"],
        legal: &[
            ("run resumes", "idle"),
            ("run retries", "idle"),
            ("run cancelled", "idle; run cancelled"),
        ],
        also: &[],
    },
    Row {
        stage: "parked 0/1; run interrupted",
        way: &["draft 0/1 starts", "draft 0/1 parks", "run interrupted"],
        legal: &[
            ("run resumes", "parked 0/1"),
            ("run retries", "parked 0/1"),
            ("run cancelled", "parked 0/1; run cancelled"),
        ],
        also: &[],
    },
    Row {
        stage: "judging 0: editor asked; run interrupted",
        way: &[
            "draft 0/1 starts",
            "draft 0/1 finishes",
            "check skips 0",
            "editor asks 0",
            "run interrupted",
        ],
        legal: &[
            ("run resumes", "judging 0: editor asked"),
            ("run retries", "judging 0: editor asked"),
            ("run cancelled", "judging 0: editor asked; run cancelled"),
            ("editor approves 0", "judging 0: nobody due; run interrupted"),
            ("editor rejects 0", "revising 1; run interrupted"),
            ("editor edits 0", "judging 1: check due, edited; run interrupted"),
        ],
        also: &[],
    },
    Row { stage: "idle; run cancelled", way: &["run cancelled"], legal: &[], also: &[] },
    Row { stage: "skipped; run done", way: &["skip", "run done"], legal: &[], also: &[] },
];

const CANDIDATE: &[&str] = &["draft 0/1 starts", "draft 0/1 finishes"];
const ASKED: &[&str] =
    &["draft 0/1 starts", "draft 0/1 finishes", "check skips 0", "editor asks 0"];
const EDITED: &[&str] =
    &["draft 0/1 starts", "draft 0/1 finishes", "check skips 0", "editor asks 0", "editor edits 0"];
const EDIT_JUDGED: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check skips 0",
    "editor asks 0",
    "editor edits 0",
    "check 1/1 starts",
    "check 1/1 finishes",
];
const EDIT_ASKED: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check skips 0",
    "editor asks 0",
    "editor edits 0",
    "check skips 1",
    "editor asks 1",
];
const SPENT: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check 0/1 starts",
    "check 0/1 finishes",
    "check revises 0",
    "draft 1/1 starts",
    "draft 1/1 finishes",
    "check 1/1 starts",
    "check 1/1 finishes",
    "check revises 1",
];
const ESCALATED: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check 0/1 starts",
    "check 0/1 finishes",
    "check revises 0",
    "draft 1/1 starts",
    "draft 1/1 finishes",
    "check 1/1 starts",
    "check 1/1 finishes",
    "check revises 1",
    "check escalates 0",
];
const ESCALATED_SKIPPED: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check 0/1 starts",
    "check 0/1 finishes",
    "check revises 0",
    "draft 1/1 starts",
    "draft 1/1 finishes",
    "check 1/1 starts",
    "check 1/1 finishes",
    "check revises 1",
    "check escalates 0",
    "editor skips 0",
];
const ESCALATED_ASKED: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check 0/1 starts",
    "check 0/1 finishes",
    "check revises 0",
    "draft 1/1 starts",
    "draft 1/1 finishes",
    "check 1/1 starts",
    "check 1/1 finishes",
    "check revises 1",
    "check escalates 0",
    "editor asks 0",
];
const GIVEN_UP: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 answered",
    "run resumes",
    "draft 0/1 crashes",
    "fail",
    "run failed",
    "run retries",
];
const JUDGE_GIVEN_UP: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check 0/1 starts",
    "run resumes",
    "check 0/1 crashes",
    "check vetoes 0",
    "drop",
    "run failed",
    "run retries",
];
const SPENT_AGAIN: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 finishes",
    "check 0/1 starts",
    "check 0/1 finishes",
    "check revises 0",
    "draft 1/1 starts",
    "draft 1/1 finishes",
    "check 1/1 starts",
    "check 1/1 finishes",
    "check revises 1",
    "check escalates 0",
    "editor asks 0",
    "editor rejects 0",
    "draft 2/1 starts",
    "draft 2/1 finishes",
    "check 2/1 starts",
    "check 2/1 finishes",
    "check revises 2",
];

#[test]
fn every_stage_takes_the_facts_of_its_row_and_no_other() {
    for row in TABLE {
        let before = after(row.way);
        assert_eq!(stage(&before), row.stage, "after {:?}", row.way);
        let legal = || row.legal.iter().chain(row.also);
        for (words, _) in legal() {
            assert!(FACTS.contains(words), "{words} is in a row and not in the list of all facts");
        }
        for words in FACTS {
            let mut state = before.clone();
            let result = state.next(&fact(words), Timestamp(2));
            match legal().find(|(legal, _)| legal == words) {
                Some((_, next)) => {
                    assert_eq!(result, Ok(()), "{words:?} in {:?}", row.stage);
                    assert_eq!(
                        stage(&state),
                        next.replace('*', row.stage),
                        "{words:?} in {:?}",
                        row.stage
                    );
                }
                None => {
                    assert!(result.is_err(), "{words:?} was legal in {:?}", row.stage);
                    assert_eq!(
                        state, before,
                        "{words:?} was refused in {:?} and changed something",
                        row.stage
                    );
                }
            }
        }
    }
}

#[test]
fn unknown_cells_steps_and_questions_are_refused() {
    use bailiwick_core::fact::{AskId, Decision};
    use bailiwick_core::{CellId, CellKey, Fact};

    use crate::words::{failure, name};

    let elsewhere = CellId { step: name("draft"), key: CellKey::from_text("topic=z") };
    let nowhere = CellId { step: name("nothing"), key: CellKey::single() };
    let approve = Decision::Approve { comment: None };
    let twice = vec![CellKey::single(), CellKey::single()];
    for fact in [
        Fact::CellSkipped { cell: elsewhere.clone() },
        Fact::CellFailed { cell: elsewhere, failure: failure() },
        Fact::Dropped { cell: nowhere, reason: "so".into() },
        Fact::Decided { ask: AskId("r/editor/-/7".into()), decision: approve, by: "ana".into() },
        Fact::StepLaidOut { step: name("nothing"), cells: twice },
    ] {
        let before = after(&[]);
        let mut state = before.clone();
        assert!(state.next(&fact, Timestamp(2)).is_err(), "{fact:?}");
        assert_eq!(state, before);
    }
}

#[test]
fn a_run_is_not_done_before_its_cells_are_fixed() {
    use bailiwick_core::RunState;

    let mut state = RunState::begin(&fact("begin"), Timestamp(1)).unwrap();
    assert!(state.next(&fact("run done"), Timestamp(1)).is_err());
    assert!(RunState::begin(&fact("skip"), Timestamp(1)).is_err());
}
