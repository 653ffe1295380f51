//! The bytes of the hostile guest, of its neighbour and of components that are no agents. The `.wat` files beside them are what they are made from; a test makes them again.

use super::Component;

/// The hostile guest (`guests/hostile.wat`).
pub(super) const HOSTILE: &[u8] = include_bytes!("../guests/hostile.wasm");

/// Whoever runs beside it: the agent that `init` brings along.
pub(super) const NEIGHBOUR: &[u8] = include_bytes!("../../init/hello.wasm");

const START_LOOP: &[u8] = include_bytes!("../guests/start_loop.wasm");
const PROFILE_LOOP: &[u8] = include_bytes!("../guests/profile_loop.wasm");

/// One byte more than a component may have.
const TOO_LARGE: usize = 64 * 1024 * 1024 + 1;

/// The section of a file in which its profile is, as it is written there.
const VERSION: (&[u8], &[u8]) = (b"\"version\":\"1.0.0\"", b"\"version\":\"9.9.9\"");

/// The file that somebody sends.
pub(super) fn component(component: Component) -> Vec<u8> {
    match component {
        Component::StartLoop => START_LOOP.to_vec(),
        Component::ProfileLoop => PROFILE_LOOP.to_vec(),
        Component::OtherProfile => with(HOSTILE, VERSION),
        Component::Truncated => HOSTILE.get(..HOSTILE.len() / 2).unwrap_or_default().to_vec(),
        // A component and nothing else: `(component)` in binary.
        Component::Anonymous => b"\0asm\x0d\0\x01\0".to_vec(),
        Component::TooLarge => {
            let mut bytes = HOSTILE.to_vec();
            bytes.resize(TOO_LARGE, 0);
            bytes
        }
    }
}

/// The bytes with the first such piece replaced by one that is as long.
fn with(bytes: &[u8], (from, to): (&[u8], &[u8])) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.windows(from.len()).position(|piece| piece == from);
    if let Some(piece) = at.and_then(|at| bytes.get_mut(at..at + to.len())) {
        piece.copy_from_slice(to);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use bailiwick_builder::Profile;
    use serde_json::{Value, json};

    /// What they want, and say of themselves. Those that say nothing are given a name, so
    /// that they come as far as being asked.
    const ALL: [(&str, &str); 3] = [
        (
            "hostile",
            "model = { use = [\"tame\"], reason = \"attacks\" }\n\
             knowledge = { use = [\"open\"], reason = \"attacks\" }\n\
             artifacts = { put = \"64 MiB\", reason = \"attacks\" }\n\
             http = { hosts = [\"127.0.0.1\"], reason = \"attacks\" }\n\
             kv = { write = true, reason = \"attacks\" }\n",
        ),
        ("start_loop", ""),
        ("profile_loop", ""),
    ];

    fn profile(name: &str) -> Profile {
        let (input, output) = match name {
            "hostile" => (json!({"type": "object"}), json!({"type": ["boolean", "object"]})),
            _ => (Value::Bool(true), Value::Bool(true)),
        };
        Profile {
            name: name.into(),
            version: "1.0.0".into(),
            summary: "Does what no agent should, so that a host can show that it is in vain."
                .into(),
            input_schema: input,
            output_schema: output,
        }
    }

    /// `UPDATE_EXPECT=1` writes them anew.
    #[test]
    fn the_hostile_guests_are_made_from_their_texts() {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor/guests");
        for (name, wants) in ALL {
            let folder = tempfile::tempdir().unwrap();
            let module = wat::parse_file(beside.join(format!("{name}.wat"))).unwrap();
            fs::write(folder.path().join("module.wasm"), module).unwrap();
            let manifest = format!("[wants]\n{wants}\n[build]\nmodule = \"module.wasm\"\n");
            fs::write(folder.path().join("agent.toml"), manifest).unwrap();
            let unprofiled = bailiwick_builder::build(folder.path(), &mut |_| {}).unwrap();
            let built = unprofiled.finish(&profile(name)).unwrap();
            let (made, kept) = (fs::read(built.path).unwrap(), beside.join(format!("{name}.wasm")));
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&kept, &made).unwrap();
            }
            assert!(fs::read(&kept).unwrap() == made, "{name}.wasm is not what {name}.wat says");
        }
    }
}
