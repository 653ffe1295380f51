//! `check --try`: one request that nobody makes, judged by the very function that the gate asks. Runs no code and sends nothing.

mod asked;

use std::net::ToSocketAddrs as _;

use bailiwick_core::fact::CallAnswer;
use bailiwick_core::{Bytes, Currency, Diagnostic, Name, RunId};
use bailiwick_gate::ledger::{Allowance, Ledger, Payer};
use bailiwick_gate::{Case, Money, Permit, Request};
use bailiwick_policy::publishers::Signed;
use bailiwick_policy::{
    Clearances, Effective, Grants, Narrowing, Network, Origin, Revocation, Says, Standing,
};
use bailiwick_project::Plan;

use crate::check::{self, Checked};
use crate::codes;
use crate::components::{Agent, knowing};
use crate::labels;
use crate::load::{Opened, PROJECT_FILE};
use crate::powers::shown_grant;
use crate::problems::Problems;

use asked::Asked;
pub use asked::FORMS;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it would be let through.
    pub allowed: bool,
    /// What is told, as a word and what stands behind it.
    pub lines: Vec<(&'static str, String)>,
}

/// How far it may go to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolve {
    /// Names are not looked up.
    No,
    /// The name of a host is looked up, once.
    Yes,
}

/// Judges a request such as `research http GET https://api.example.com/v1/x`, by the files
/// as they are and what is revoked.
///
/// # Errors
/// [`Problems`] where the text is none, or the project cannot be judged.
pub fn judge(
    opened: &Opened,
    text: &str,
    input: Option<&str>,
    (revoked, resolve): (&[Revocation], Resolve),
) -> Result<Verdict, Problems> {
    let asked = Asked::parse(text)?;
    let Checked { agents, problems } = check::check(opened, input);
    let Some(agent) = agents.get(&asked.agent) else {
        if opened.project.agents.contains_key(&asked.agent) {
            return Err(problems);
        }
        let names: Vec<_> = opened.project.agents.keys().map(Name::as_str).collect();
        let message = format!("there is no agent `{}`", asked.agent);
        let hint = format!("bailiwick.toml has {}", names.join(", "));
        return Err(Problems::one(Diagnostic::error(codes::BAD_TRY, message).hint(hint)));
    };
    let opened = &knowing(opened, agents.values());
    let mut told: Option<Verdict> = None;
    for plan in opened.plans.values() {
        let written = labels::follow(opened, plan, input)?;
        let steps = plan.steps.iter().filter(|step| step.agent() == Some(&agent.name));
        for step in steps {
            let order = &opened.policy.labels.order;
            let label = written.step(&step.name).map(|flow| flow.level.label);
            let label = label.unwrap_or(order.highest());
            let of_step = [(step.name.clone(), label)].into();
            let clearances = Clearances::of(opened.policy.labels.clone(), of_step);
            let at = At { opened, agent, plan: Some(plan.as_ref()), step: &step.name };
            let mut verdict = at.judge(&asked, clearances, revoked)?;
            let knows = format!(
                "the step {} of {} may know what is {}",
                step.name,
                plan.pipeline,
                order.name(label)
            );
            verdict.lines.push(("label", knows));
            // The first that is denied is what somebody wants to hear of.
            if told.as_ref().is_none_or(|told| told.allowed && !verdict.allowed) {
                told = Some(verdict);
            }
        }
    }
    let mut verdict = match told {
        Some(verdict) => verdict,
        None => {
            // No step works for it: what it might know is anything.
            let clearances = Clearances::of(opened.policy.labels.clone(), [].into());
            let at = At { opened, agent, plan: None, step: &agent.name };
            let mut verdict = at.judge(&asked, clearances, revoked)?;
            verdict
                .lines
                .push(("label", "no step has this agent: it is judged as if it knew all".into()));
            verdict
        }
    };
    if let Request::Fetch(fetch) = &asked.request {
        verdict.lines.extend(destination(opened, &fetch.url, resolve));
    }
    Ok(verdict)
}

/// Whose request it is, and in which step.
struct At<'a> {
    opened: &'a Opened,
    agent: &'a Agent,
    plan: Option<&'a Plan>,
    step: &'a Name,
}

impl At<'_> {
    fn judge(
        &self,
        asked: &Asked,
        clearances: Clearances,
        revoked: &[Revocation],
    ) -> Result<Verdict, Problems> {
        let Self { opened, agent, step, .. } = self;
        let written = opened.project.agents.get(&agent.name);
        let granted = written.map_or_else(Grants::none, |agent| agent.grants.clone());
        let limits = written.map(|agent| agent.limits.clone()).unwrap_or_default();
        let narrowing = Narrowing {
            agent: &agent.name,
            identity: &agent.identity,
            component: agent.embedded.outline.digest,
            key: agent.signed.as_ref().map(Signed::with),
            granted: &granted,
            limits: &limits,
            resources: &opened.resources,
            policy: &opened.policy,
            revoked,
        };
        let first = Effective { grants: granted.clone(), limits: limits.limits };
        let standing = Standing::of(&first, &narrowing, clearances, 0);
        let purse = Purse { at: self, standing: &standing };
        let case = Case {
            agent: &agent.name,
            identity: &agent.identity,
            step,
            powers: standing.effective(),
            clearances: &standing.clearances,
            models: &opened.project.models,
            money: &purse,
            put: Bytes(0),
        };
        let decided = case.decide_by(&asked.request, &standing);
        let decided = decided.and_then(|permit| asked.fits(&permit, &agent.name).map(|()| permit));
        let power = asked.request.capability().to_string();
        let mut lines = Vec::new();
        let allowed = decided.is_ok();
        match decided {
            Ok(permit) => {
                if let Some(written) = written {
                    let place = written.place_of(&format!("grants.{power}"));
                    let has = shown_grant(&granted, &power).unwrap_or_default();
                    lines.push(("granted", format!("{PROJECT_FILE}:{}: {has}", place.line)));
                }
                for step in standing.steps() {
                    if let Says::Ceiling(Some(pattern)) = &step.says {
                        let left = shown_grant(&step.left.grants, &power).unwrap_or_default();
                        lines.push((
                            "ceiling",
                            format!("[ceiling.{:?}] leaves {left}", pattern.as_str()),
                        ));
                    }
                }
                lines.extend(terms(opened, &permit));
            }
            Err(answer) => lines.extend(why_not(answer)),
        }
        Ok(Verdict { allowed, lines })
    }
}

/// The terms on which it is let through.
fn terms(opened: &Opened, permit: &Permit) -> Vec<(&'static str, String)> {
    let rules = &opened.policy.labels;
    match permit {
        Permit::Routes(routes) => {
            let of = |route: &bailiwick_policy::Route| match rules.route(route) {
                Some(said) => format!("{route}, cleared for {}", rules.order.name(said.label)),
                None => format!("{route}, which is no sink"),
            };
            routes.iter().map(|route| ("route", of(route))).collect()
        }
        Permit::Web(way) => {
            let pass = way.pass();
            let mut lines = vec![
                ("rule", format!("the {}. of grants.http", pass.rule + 1)),
                ("network", format!("addresses that are {}", pass.network)),
                ("answer", format!("at most {}", pass.response)),
            ];
            lines.extend(pass.credential.as_ref().map(|name| ("credential", name.to_string())));
            lines
        }
        Permit::Kv(grant) => {
            vec![("namespace", format!("{}, up to {}", grant.namespace, grant.quota))]
        }
        Permit::Get => vec![("artifacts", "what its input names, or it has put".into())],
        Permit::Delegate(_) => vec![("works", "under its own grants, and counts for both".into())],
        Permit::Collection(_) | Permit::Put => Vec::new(),
    }
}

fn why_not(answer: CallAnswer) -> Vec<(&'static str, String)> {
    match answer {
        CallAnswer::Denied { reason, hint } => {
            let hint = hint.map(|hint| ("to change", hint));
            [("because", reason)].into_iter().chain(hint).collect()
        }
        CallAnswer::Exhausted { detail, .. }
        | CallAnswer::Unavailable { detail }
        | CallAnswer::Invalid { detail } => vec![("because", detail)],
        CallAnswer::Failed { failure } => vec![("because", failure.message)],
        CallAnswer::Ok { .. } => Vec::new(),
    }
}

/// What is known of a host without asking anybody, and what a look-up says, where one is wanted.
fn destination(opened: &Opened, url: &str, resolve: Resolve) -> Vec<(&'static str, String)> {
    let Ok(url) = url::Url::parse(url) else { return Vec::new() };
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Vec::new();
    };
    let rules = &opened.policy.labels;
    let origin = Origin(url.origin().ascii_serialization());
    let said = rules.clearance_of(&origin);
    let by = if said.defaulted { " (by default)" } else { "" };
    let mut lines = vec![(
        "clearance",
        format!("{origin} is cleared for {}{by}", rules.order.name(said.label)),
    )];
    let classes = |address: std::net::IpAddr| {
        let all = [Network::Public, Network::Private, Network::Loopback];
        let class = all.into_iter().find(|class| class.admits(address));
        class.map_or_else(|| "no class: it is never dialled".to_owned(), |class| class.to_string())
    };
    let literal = match host {
        url::Host::Domain(_) => None,
        url::Host::Ipv4(address) => Some(address.into()),
        url::Host::Ipv6(address) => Some(address.into()),
    };
    match (literal, resolve) {
        (Some(address), _) => lines.push(("address", format!("{address}: {}", classes(address)))),
        (None, Resolve::No) => {
            lines.push(("address", "not looked up; --resolve does".to_owned()));
        }
        (None, Resolve::Yes) => match (host.to_string(), port).to_socket_addrs() {
            Ok(found) => lines
                .extend(found.map(|at| ("address", format!("{}: {}", at.ip(), classes(at.ip()))))),
            Err(error) => lines.push(("address", error.to_string())),
        },
    }
    lines
}

/// What bounds the money of a step's agent, as its run would know it.
struct Purse<'a> {
    at: &'a At<'a>,
    standing: &'a Standing,
}

impl Money for Purse<'_> {
    fn currency(&self) -> Option<Currency> {
        self.at.opened.currency()
    }

    fn is_bounded(&self) -> bool {
        let (Some(plan), Ok(run)) = (self.at.plan, RunId::new("try")) else {
            return self.at.opened.policy.per_day.money.is_some();
        };
        let ledger = Ledger::default();
        ledger.open(&run, self.at.opened.budgets(plan, [self.at.agent]).into());
        let by = Some((Some(&self.at.agent.name), self.at.step));
        let (most, ceiling) = (self.standing.most, self.standing.ceiling);
        let own = Allowance { most, ceiling, ..Allowance::UNBOUND };
        ledger.counts_money(Payer { own, day: self.standing.day, ..Payer::of(&run, by) })
    }
}
