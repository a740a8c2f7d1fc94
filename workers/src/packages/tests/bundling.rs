//! One file of many: what is in it, where its parts say they come from, and what cannot be bundled.

use serde_json::json;

use super::*;

async fn built(world: &World, files: &Files) -> Bundle {
    world.build(files, None).await.expect("built").bundle
}

async fn refusal(world: &World, files: &Files) -> ScriptError {
    match world.build(files, None).await {
        Err(Error::Script(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_bundle_names_its_sources() {
    let world = World::new();
    world.registry.publish(
        "a",
        "1.0.0",
        json!({ "main": "lib/x" }),
        &[("lib/x.js", "module.exports = () => 'from a'")],
    );
    let code = "import a from 'a';\nimport { helper } from './lib/helper';\nexport default async () => helper(a());\n";
    let mut draft = files(code, json!({ "dependencies": { "a": "1" }, "type": "module" }));
    draft.insert("lib/helper.ts".into(), "export const helper = (text: string): string => text as string;\n".into());
    let bundle = built(&world, &draft).await;
    assert!(bundle.code.contains("from a") && !bundle.code.contains(": string"), "{}", bundle.code);
    assert_eq!((bundle.entry.as_str(), bundle.source.as_deref()), ("integration.js", Some(code)));
    let map: Value = serde_json::from_str(&bundle.map.expect("a map")).expect("JSON");
    let mut sources: Vec<&str> = map["sources"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    sources.sort_unstable();
    assert_eq!(sources, ["integration.js", "lib/helper.ts", "node_modules/a/lib/x.js"]);
}

#[tokio::test]
async fn typescript_is_bundled_and_a_tsconfig_changes_nothing() {
    let world = World::new();
    world.registry.publish("a", "1.0.0", json!({}), &[("index.js", "module.exports = 1")]);
    let code = "import a from 'a';\nenum E { X = 1 }\nexport default async ({ payload }: { payload: unknown }) => [a, E.X, payload] as const;\n";
    let draft: Files = [
        ("integration.ts".to_owned(), code.to_owned()),
        ("package.json".to_owned(), json!({ "dependencies": { "a": "1" } }).to_string()),
        (
            "tsconfig.json".to_owned(),
            json!({ "extends": "/etc/hostname.json", "compilerOptions": { "target": "es3" } }).to_string(),
        ),
    ]
    .into();
    let bundle = built(&world, &draft).await;
    assert!(bundle.code.contains("async") && bundle.entry == "integration.ts", "{}", bundle.code);
}

#[tokio::test]
async fn nodes_own_modules_stay_outside_and_packages_are_nodes_variant() {
    let world = World::new();
    let manifest = json!({
        "main": "main.js", "module": "module.mjs", "browser": "browser.js",
        "exports": { "browser": "./browser.js", "module": "./module.mjs", "require": "./main.js" },
    });
    let code = "module.exports = ['main', require('crypto'), require('node:http'), require('fs/promises')]";
    world.registry.publish(
        "a",
        "1.0.0",
        manifest,
        &[("main.js", code), ("module.mjs", "export default 'module'"), ("browser.js", "1")],
    );
    let draft = files(
        "module.exports = async () => [require('a'), await import('zlib'), __dirname]",
        json!({ "dependencies": { "a": "1" } }),
    );
    let code = built(&world, &draft).await.code;
    for part in [
        "'main'",
        "require(\"crypto\")",
        "require(\"node:http\")",
        "require(\"fs/promises\")",
        "require(\"zlib\")",
        "/integration",
    ] {
        assert!(code.replace('"', "'").contains(&part.replace('"', "'")), "{part} in {code}");
    }
    assert!(!code.contains("import("), "{code}");
}

#[tokio::test]
async fn what_is_wrong_is_shown_at_its_place() {
    let world = World::new();
    world.registry.publish("a", "1.0.0", json!({}), &[("index.js", "require('./gone')")]);
    world.registry.publish("b", "1.0.0", json!({}), &[("index.js", "require('never-listed')")]);
    let error = refusal(&world, &files("const a = require('a')\n", json!({ "dependencies": { "a": "1" } }))).await;
    assert_eq!(error.code, "module_not_found");
    assert!(error.message.contains("'./gone', required by node_modules/a/index.js"), "{error:?}");
    let error = refusal(&world, &files("const b = require('b')\n", json!({ "dependencies": { "b": "1" } }))).await;
    assert!(error.message.contains("'never-listed'") && error.message.contains("package.json"), "{error:?}");
    let package = json!({ "dependencies": { "a": "1" } });
    let error = refusal(&world, &files("const x = 1;\nconst y = require('lodahs');\n", package.clone())).await;
    let at = error.at.expect("a place");
    assert_eq!((at.file.as_str(), at.line, at.column), ("integration.js", 2, 19));
    assert!(at.frame.contains("> 2 | const y = require('lodahs');"), "{}", at.frame);
    let error = refusal(&world, &files("const x = ;\n", package.clone())).await;
    assert_eq!((error.code.as_str(), error.at.expect("a place").column), ("syntax_error", 11));
    let error = refusal(&world, &files("export default () => 1;\nawait 1;\n", package)).await;
    assert!(error.code == "syntax_error" && error.message.contains("inside of the handler"), "{error:?}");
}

#[tokio::test]
async fn native_modules_are_refused_by_name() {
    let world = World::new();
    let gyp = ("binding.gyp", "{}");
    world.registry.publish("native", "1.0.0", json!({}), &[("index.js", "module.exports = 1"), gyp]);
    world.registry.publish(
        "binary",
        "1.0.0",
        json!({}),
        &[("index.js", "require('./x.node')"), ("x.node", "\u{7f}ELF")],
    );
    world.registry.publish(
        "uses",
        "1.0.0",
        json!({ "dependencies": { "native": "1" } }),
        &[("index.js", "require('native')")],
    );
    world.registry.publish(
        "lists",
        "1.0.0",
        json!({ "dependencies": { "native": "1" } }),
        &[("index.js", "module.exports = 1")],
    );
    for (draft, package) in [("native", "native"), ("binary", "binary"), ("uses", "native")] {
        let error = world.refusal(json!({ draft: "1" })).await;
        assert_eq!(error.code, "native_module", "{error:?}");
        assert!(error.message.contains(&format!("the package {package} is a native module")), "{error:?}");
    }
    // One that is installed and not used does no harm.
    world.build(&draft(json!({ "lists": "1" })), None).await.expect("built");
}

#[tokio::test]
async fn a_large_bundle_is_refused_with_what_makes_it_large() {
    let world = World::new();
    for (name, size) in [("big", 3 << 20), ("bigger", 4 << 20), ("small", 10)] {
        let code = format!("module.exports = '{}'", "x".repeat(size));
        world.registry.publish(name, "1.0.0", json!({}), &[("index.js", &code)]);
    }
    let error = world.refusal(json!({ "big": "1", "bigger": "1", "small": "1" })).await;
    assert_eq!(error.code, "bundle_too_large");
    assert!(error.message.contains("bigger (4096 KiB), big (3072 KiB)"), "{error:?}");
}

#[tokio::test]
async fn no_file_of_this_machine_gets_into_a_bundle() {
    let world = World::new();
    let secret = world.data().join("secret.json");
    std::fs::write(&secret, r#"{"key":"s3cret"}"#).expect("written");
    let path = secret.to_string_lossy().into_owned();
    let up = "../".repeat(12) + path.trim_start_matches('/');
    world.registry.publish("main", "1.0.0", json!({ "main": up }), &[]);
    world.registry.publish("reads", "1.0.0", json!({}), &[("index.js", &format!("require({path:?})"))]);
    world.registry.publish(
        "maps",
        "1.0.0",
        json!({ "browser": { "./x": path }, "imports": { "#x": up } }),
        &[("index.js", "require('#x')")],
    );
    let package = json!({ "dependencies": { "main": "1", "reads": "1", "maps": "1" } });
    for code in [
        format!("module.exports = () => require({path:?})"),
        format!("module.exports = () => require({up:?})"),
        format!("import x from {path:?}; export default () => x"),
        "const x = 'secret'; module.exports = () => require(`../../../${x}.json`)".into(),
        "module.exports = () => require('main')".into(),
        "module.exports = () => require('reads')".into(),
        "module.exports = () => require('maps')".into(),
        "module.exports = () => require('/dev/zero')".into(),
        "module.exports = () => require('/proc/self/environ')".into(),
    ] {
        match world.build(&files(&code, package.clone()), None).await {
            Ok(built) => assert!(!built.bundle.code.contains("s3cret"), "{code}: {}", built.bundle.code),
            Err(Error::Script(error)) => {
                assert!(!format!("{error:?}").contains("s3cret"), "{code}: {error:?}");
            }
            Err(other) => panic!("{code}: {other}"),
        }
    }
}
