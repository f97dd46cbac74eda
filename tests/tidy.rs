//! The shape of the source, held by a test: which module may name which (invariant 9), and how a
//! file begins and how long it may be.
//!
//! [`MODULES`] is the architecture from the ground up. A module may name what stands above it in
//! the table and nothing else, so a back edge can not even be written down; and an entry that
//! nothing uses any more is refused as well, so the table stays true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module with those that it may name by `crate::…`.
const MODULES: &[(&str, &[&str])] = &[
    // Ground: no I/O.
    ("clock", &[]),
    ("limits", &[]),
    ("json", &["limits"]),
    ("secret", &[]),
    ("id", &["clock"]),
    ("condition", &["clock", "json", "limits"]),
    ("template", &["clock", "json", "limits"]),
    // Mechanisms: one outside thing each; they know no capability.
    ("egress", &["clock", "limits", "secret"]),
    ("signing", &["clock", "secret"]),
    ("store", &["clock", "id", "limits"]),
    ("vault", &["limits", "secret"]),
    ("sandbox", &["clock", "limits", "template"]),
    // Capabilities: the product.
    ("account", &["id", "store"]),
    ("master_key", &["store", "vault"]),
    ("key", &["clock", "id", "json", "limits", "secret", "store"]),
    ("metric", &["clock", "id", "json", "limits", "store"]),
    ("profile", &["clock", "condition", "id", "json", "limits", "store"]),
    ("membership", &["clock", "id", "store"]),
    ("consent", &["clock", "id", "limits", "profile", "store"]),
    ("list", &["clock", "id", "json", "limits", "membership", "profile", "store"]),
    ("segment", &["clock", "condition", "id", "json", "limits", "membership", "profile", "store"]),
    ("job", &["clock", "id", "limits", "store"]),
    ("event", &["clock", "id", "json", "limits", "metric", "profile", "store"]),
    (
        "webhook",
        &[
            "clock",
            "condition",
            "egress",
            "id",
            "json",
            "limits",
            "metric",
            "secret",
            "signing",
            "store",
            "vault",
        ],
    ),
    (
        "delivery",
        &[
            "clock", "egress", "event", "id", "json", "limits", "metric", "profile", "secret",
            "signing", "store", "webhook",
        ],
    ),
    (
        "flow",
        &[
            "clock",
            "condition",
            "egress",
            "id",
            "json",
            "limits",
            "profile",
            "secret",
            "segment",
            "store",
            "template",
            "vault",
            "webhook",
        ],
    ),
    // Use cases: they join capabilities in one commit.
    (
        "person",
        &[
            "clock",
            "condition",
            "consent",
            "event",
            "id",
            "limits",
            "membership",
            "profile",
            "store",
        ],
    ),
    ("matching", &["clock", "condition", "event", "person", "store", "webhook"]),
    (
        "explanation",
        &[
            "clock",
            "condition",
            "delivery",
            "event",
            "id",
            "limits",
            "matching",
            "metric",
            "profile",
            "secret",
            "store",
            "webhook",
        ],
    ),
    (
        "trial",
        &[
            "clock",
            "condition",
            "delivery",
            "event",
            "id",
            "json",
            "limits",
            "matching",
            "metric",
            "store",
            "webhook",
        ],
    ),
    (
        "replay",
        &[
            "clock",
            "condition",
            "delivery",
            "event",
            "id",
            "json",
            "limits",
            "matching",
            "metric",
            "store",
            "webhook",
        ],
    ),
    (
        "ingest",
        &[
            "clock", "delivery", "event", "flow", "id", "json", "limits", "matching", "metric",
            "profile", "segment", "store", "webhook",
        ],
    ),
    (
        "operations",
        &["clock", "delivery", "event", "ingest", "limits", "metric", "profile", "store"],
    ),
    (
        "people",
        &[
            "clock",
            "consent",
            "event",
            "flow",
            "id",
            "ingest",
            "json",
            "limits",
            "list",
            "membership",
            "metric",
            "profile",
            "segment",
            "store",
        ],
    ),
    (
        "subscriptions",
        &[
            "clock",
            "consent",
            "event",
            "id",
            "ingest",
            "json",
            "limits",
            "list",
            "membership",
            "metric",
            "profile",
            "store",
        ],
    ),
    (
        "jobs",
        &[
            "clock",
            "consent",
            "id",
            "ingest",
            "job",
            "json",
            "limits",
            "list",
            "membership",
            "people",
            "profile",
            "segment",
            "store",
            "subscriptions",
        ],
    ),
    (
        "erasure",
        &[
            "clock",
            "consent",
            "delivery",
            "event",
            "flow",
            "id",
            "job",
            "json",
            "limits",
            "membership",
            "profile",
            "segment",
            "store",
        ],
    ),
    (
        "segmentation",
        &[
            "clock",
            "condition",
            "delivery",
            "egress",
            "erasure",
            "event",
            "flow",
            "id",
            "ingest",
            "limits",
            "membership",
            "metric",
            "people",
            "person",
            "profile",
            "segment",
            "store",
            "vault",
            "webhook",
        ],
    ),
    (
        "automation",
        &[
            "clock",
            "condition",
            "delivery",
            "egress",
            "event",
            "flow",
            "id",
            "ingest",
            "json",
            "limits",
            "list",
            "membership",
            "metric",
            "people",
            "person",
            "profile",
            "sandbox",
            "segment",
            "store",
            "subscriptions",
            "template",
            "vault",
            "webhook",
        ],
    ),
    // Edges: they translate and decide nothing.
    (
        "api",
        &[
            "account",
            "automation",
            "clock",
            "condition",
            "consent",
            "delivery",
            "egress",
            "erasure",
            "event",
            "explanation",
            "flow",
            "id",
            "ingest",
            "job",
            "jobs",
            "json",
            "key",
            "limits",
            "list",
            "membership",
            "metric",
            "people",
            "person",
            "profile",
            "replay",
            "segment",
            "signing",
            "store",
            "subscriptions",
            "template",
            "trial",
            "webhook",
        ],
    ),
    ("config", &["clock", "flow", "limits"]),
    (
        "server",
        &[
            "account",
            "api",
            "automation",
            "clock",
            "config",
            "delivery",
            "egress",
            "erasure",
            "event",
            "flow",
            "id",
            "ingest",
            "jobs",
            "key",
            "limits",
            "master_key",
            "metric",
            "operations",
            "people",
            "profile",
            "replay",
            "sandbox",
            "secret",
            "segment",
            "segmentation",
            "store",
            "webhook",
        ],
    ),
    ("cli", NAMED_BY_CLI),
];
/// What the command line names: it shows what many modules do. By hand, to fit the file.
#[rustfmt::skip]
const NAMED_BY_CLI: &[&str] = &[
    "automation", "clock", "config", "delivery", "egress", "event", "flow", "id", "json", "key",
    "limits", "metric", "replay", "sandbox", "secret", "server", "signing", "store", "webhook",
];
/// The files that name no module: they declare them, or start the program.
const ROOTS: [&str; 2] = ["lib", "main"];
const FILE_LINES_MAX: usize = 500;
/// What must not be left in the source. Put together here, so that this file has none of them.
const LEFTOVERS: [&str; 3] =
    [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("#[ig", "nore")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file beneath a folder of the package, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("the file can be read");
                found.push((path, text));
            }
        }
    }
    found
}

/// The top-level module that a file belongs to.
fn module_of(path: &Path) -> String {
    let within = path.strip_prefix(root().join("src")).expect("the file lies in src");
    let first = within.iter().next().expect("the file has a name");
    Path::new(first).file_stem().expect("a name is not empty").to_string_lossy().into_owned()
}

/// The modules that a text names by `crate::…`, outside of comments.
fn named_in(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    for line in code {
        for after in line.split("crate::").skip(1) {
            assert!(!after.starts_with('{'), "one `use crate::…` a line, so that it can be judged");
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let (name, _) = after.split_at(end.unwrap_or(after.len()));
            named.insert(name.to_owned());
        }
    }
    named
}

/// What each module names besides itself.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources("src") {
        let module = module_of(&path);
        if ROOTS.contains(&module.as_str()) {
            continue;
        }
        let named = named_in(&text);
        edges.entry(module.clone()).or_default().extend(named.into_iter().filter(|n| *n != module));
    }
    edges
}

#[test]
fn the_table_only_points_down() {
    let mut above = BTreeSet::new();
    for (module, may_name) in MODULES {
        for named in *may_name {
            assert!(above.contains(named), "`{named}` does not stand above `{module}`");
        }
        assert!(may_name.is_sorted(), "the entries of `{module}` are not in order");
        assert!(above.insert(module), "`{module}` stands twice");
    }
}

#[test]
fn modules_name_exactly_what_the_table_says() {
    let edges = edges();
    for (module, named) in &edges {
        let entry = MODULES.iter().find(|(own, _)| own == module);
        let (_, may_name) = entry.unwrap_or_else(|| panic!("`{module}` is not in the table"));
        for name in named {
            assert!(may_name.contains(&name.as_str()), "`{module}` must not name `{name}`");
        }
        for name in *may_name {
            assert!(named.contains(*name), "`{module}` does not name `{name}`: shorten its entry");
        }
    }
    for (module, _) in MODULES {
        assert!(edges.contains_key(*module), "the table has `{module}`, and src has not");
    }
}

#[test]
fn every_module_is_declared_and_every_declaration_has_one() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("there is a library");
    let declared: BTreeSet<_> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "))
        .filter_map(|rest| rest.strip_suffix(';'))
        .collect();
    let in_table: BTreeSet<_> = MODULES.iter().map(|(module, _)| *module).collect();
    assert_eq!(declared, in_table);
}

#[test]
fn every_file_says_what_it_is_and_fits_a_sitting() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")).chain(sources("benches"))
    {
        let path = path.display();
        assert!(text.starts_with("//! "), "{path} does not open with `//!`");
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{path} has {lines} lines");
        for leftover in LEFTOVERS {
            assert!(!text.contains(leftover), "{path} has a `{leftover}`");
        }
    }
}

#[test]
fn the_judge_sees_what_it_must() {
    let text = "use crate::clock::Clock;\n// crate::api\nfn f() { crate::id::x(); crate::json }";
    let named: Vec<_> = named_in(text).into_iter().collect();
    assert_eq!(named, ["clock", "id", "json"]);
    assert_eq!(module_of(&root().join("src/api/mod.rs")), "api");
    assert_eq!(module_of(&root().join("src/ingest.rs")), "ingest");
}
