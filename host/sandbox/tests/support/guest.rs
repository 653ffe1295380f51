//! Guests written in WAT, made components as the builder makes them.

use std::path::Path;

use wasm_encoder::{Component, ComponentSectionId, InstanceSection, RawSection};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The bodies of a guest. Texts lie at 2048 and above; 1024 is where answers are built.
pub struct Guest {
    pub imports: String,
    pub extra: String,
    pub start: String,
    pub profile: String,
    pub perform: String,
    pub input_schema: String,
    pub output_schema: String,
    pub wasi: bool,
    pub contract: Contract,
}

/// The version of the contract that a guest speaks.
#[derive(Clone, Copy)]
pub struct Contract {
    pub version: &'static str,
    /// Its folder, seen from this package.
    pub folder: &'static str,
}

pub const V0_1: Contract = Contract { version: "0.1.0", folder: "../../wit/v0.1" };

/// The draft of the tests.
pub const DRAFT: Contract = Contract { version: "0.2.0", folder: "tests/contract/v0.2" };

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: String::new(),
            extra: String::new(),
            start: String::new(),
            profile: String::new(),
            perform: answer("{\"ok\":true}"),
            input_schema: "true".into(),
            output_schema: "true".into(),
            wasi: false,
            contract: V0_1,
        }
    }
}

/// A body that answers a text.
pub fn answer(text: &str) -> String {
    let bytes: String = text.bytes().map(|b| format!("\\{b:02x}")).collect();
    // The text travels as a passive segment: a body is all that a test writes.
    format!("(return (call $ok (i32.const 8192) (i32.const {})))(;data {bytes};)", text.len())
}

/// A guest with this body of `perform`.
pub fn performs(body: &str) -> Guest {
    Guest { perform: body.into(), ..Guest::default() }
}

impl Guest {
    fn wat(&self) -> String {
        let Self { imports, extra, start, profile, perform, contract, .. } = self;
        let version = contract.version;
        let strings =
            ["fixture", "1.0.0", "A guest of the tests.", &self.input_schema, &self.output_schema];
        let (mut data, mut record, mut at) = (String::new(), String::new(), 2048);
        for (index, text) in strings.iter().enumerate() {
            let bytes: String = text.bytes().map(|b| format!("\\{b:02x}")).collect();
            data.push_str(&format!("(data (i32.const {at}) \"{bytes}\")\n"));
            let (pointer, length) = (1100 + index * 8, 1104 + index * 8);
            record.push_str(&format!(
                "(i32.store (i32.const {pointer}) (i32.const {at}))(i32.store (i32.const {length}) (i32.const {}))\n",
                text.len()
            ));
            at += text.len();
        }
        assert!(at < 8192, "the strings of a guest lie below its answer");
        // Above 8192 lies the answer, from 65536 on the heap.
        let pages = 2 + perform.len() / 3 / 65_536;
        let heap = pages.saturating_sub(1) * 65_536;
        let answer = perform.split_once("(;data ").and_then(|(_, rest)| rest.split_once(";)"));
        let answer = answer
            .map(|(bytes, _)| format!("(data (i32.const 8192) \"{bytes}\")"))
            .unwrap_or_default();
        format!(
            r#"(module
  {imports}
  (memory (export "memory") {pages})
  (global $heap (mut i32) (i32.const {heap}))
  {data}
  {answer}
  {extra}
  (func $ok (param $pointer i32) (param $length i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 0))
    (i32.store (i32.const 1028) (local.get $pointer))
    (i32.store (i32.const 1032) (local.get $length))
    (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3)))
    (block $room
      (loop $grow
        (br_if $room (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
        (br $grow)))
    (local.get $at))
  (func (export "bailiwick:agent/agent@{version}#profile") (result i32)
    {profile}
    {record}
    (i32.const 1100))
  (func (export "bailiwick:agent/agent@{version}#perform")
    (param $step i32) (param $step_length i32) (param $cell i32) (param $cell_length i32)
    (param $round i32) (param $input i32) (param $input_length i32) (result i32)
    (local $i i32) (local $j i32)
    {perform}
    (unreachable))
  {start}
)"#
        )
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.wat()).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(root.join(self.contract.folder)).unwrap();
        let world = if self.wasi {
            let wit = root.join("wit/deps");
            for file in ["io.wit", "clocks.wit", "random.wit", "cli.wit", "http.wit"] {
                resolve.push_file(wit.join(file)).unwrap();
            }
            resolve.push_str("fixture.wit", SOCKETS).unwrap();
            let world = WASI_WORLD.replace("CONTRACT", self.contract.version);
            let fixture = resolve.push_str("world.wit", &world).unwrap();
            resolve.select_world(&[fixture], None).unwrap()
        } else {
            resolve.select_world(&[package], Some("full")).unwrap()
        };
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
    }
}

/// As much of the absent interfaces as the tests call.
const SOCKETS: &str = "package wasi:sockets@0.2.3;
interface network {
    enum error-code { unknown, access-denied, not-supported }
    enum ip-address-family { ipv4, ipv6 }
    resource network;
}
interface instance-network { use network.{network}; instance-network: func() -> network; }
interface tcp { resource tcp-socket { is-listening: func() -> bool; } }
interface tcp-create-socket {
    use network.{error-code, ip-address-family};
    use tcp.{tcp-socket};
    create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
}";

const WASI_WORLD: &str = "package fixture:fixture;
world fixture {
    include bailiwick:agent/full@CONTRACT;
    import wasi:random/random@0.2.12;
    import wasi:clocks/monotonic-clock@0.2.12;
    import wasi:clocks/wall-clock@0.2.12;
    import wasi:io/poll@0.2.12;
    import wasi:io/streams@0.2.12;
    import wasi:cli/stdout@0.2.12;
    import wasi:cli/exit@0.2.12;
    import wasi:cli/environment@0.2.12;
    import wasi:http/types@0.2.12;
    import wasi:http/outgoing-handler@0.2.12;
    import wasi:sockets/instance-network@0.2.3;
    import wasi:sockets/tcp-create-socket@0.2.3;
}";

/// The component with `count` more instances of a module beside its own.
pub fn with_instances(component: &[u8], module: &str, count: usize) -> Vec<u8> {
    let mut modules = 0;
    let mut depth = 0;
    for payload in parts(component) {
        match payload {
            Part::Module if depth == 0 => modules += 1,
            Part::Begin => depth += 1,
            Part::End => depth -= 1,
            Part::Module => {}
        }
    }
    let module = wat::parse_str(module).unwrap();
    let mut extended = Component::new();
    extended.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: &module });
    let mut instances = InstanceSection::new();
    for _ in 0..count {
        instances.instantiate(modules, Vec::<(&str, wasm_encoder::ModuleArg)>::new());
    }
    extended.section(&instances);
    let more = extended.finish();
    // The header of the appended part is the component's own.
    [component, &more[8..]].concat()
}

enum Part {
    Module,
    Begin,
    End,
}

fn parts(component: &[u8]) -> Vec<Part> {
    use wasmparser::Payload;
    let mut found = Vec::new();
    let mut first = true;
    for payload in wasmparser::Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } => found.push(Part::Module),
            Payload::Version { .. } if first => first = false,
            Payload::Version { .. } => found.push(Part::Begin),
            Payload::End(_) => found.push(Part::End),
            _ => {}
        }
    }
    found
}
