//! The `limits` tables of bailiwick.toml and policy.toml, with the bounds of any host. Knows no agent.

use bailiwick_core::units::show_duration;
use bailiwick_policy::Limits;
use bailiwick_policy::intersect::RequestedLimits;

use crate::codes;
use crate::entries::Entries;
use crate::findings::Findings;

/// Reads `limits`, in bailiwick.toml and in policy.toml.
pub(crate) fn requested_limits(
    table: Entries<'_, '_>,
    findings: &mut Findings<'_>,
) -> RequestedLimits {
    let default = Limits::DEFAULT;
    let limits = Limits {
        memory: table.size("memory").unwrap_or(default.memory),
        cpu: table.duration("cpu").unwrap_or(default.cpu),
        wall: table.duration("wall").unwrap_or(default.wall),
        output: table.size("output").unwrap_or(default.output),
        log_lines: table.whole("log-lines").unwrap_or(default.log_lines),
        artifacts: table.size("artifacts").unwrap_or(default.artifacts),
        gate_calls: table.whole("gate-calls").unwrap_or(default.gate_calls),
        denials: table.whole("denials").unwrap_or(default.denials),
    };
    let most = Limits::MAXIMUM;
    let too_much = [
        ("memory", limits.memory > most.memory, most.memory.to_string()),
        ("cpu", limits.cpu > most.cpu, show_duration(most.cpu)),
        ("wall", limits.wall > most.wall, show_duration(most.wall)),
        ("output", limits.output > most.output, most.output.to_string()),
        ("log-lines", limits.log_lines > most.log_lines, most.log_lines.to_string()),
        ("artifacts", limits.artifacts > most.artifacts, most.artifacts.to_string()),
        ("gate-calls", limits.gate_calls > most.gate_calls, most.gate_calls.to_string()),
        ("denials", limits.denials > most.denials, most.denials.to_string()),
    ];
    let mut named = Vec::new();
    for (key, over, most) in too_much {
        let Some(node) = table.node(key) else { continue };
        named.push(key);
        if over {
            findings.report(
                codes::WRONG_VALUE,
                node.span(),
                format!("`{key}` is at most {most} on any host"),
            );
        }
    }
    RequestedLimits { limits, named }
}
