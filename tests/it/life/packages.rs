//! npm packages through the whole product: saved, released, run, and refused in words.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Registry, Server, tidegate_in};

async fn server(registry: &Registry) -> Server {
    Server::start_with_registry(registry, &[]).await
}

async fn put(server: &Server, name: &str, files: Value) -> (u16, Value) {
    server.call("PUT", &format!("/v1/integrations/{name}"), Some(json!({ "files": files }))).await
}

fn boot(run: &Value) -> Value {
    let log = run["logs"].as_array().expect("a log").clone();

    log.into_iter().find(|line| line["level"] == "boot").expect("a BOOT line")
}

fn greeter(registry: &Registry) {
    registry.publish("tone", "2.0.1", json!({}), &[("index.js", "module.exports = word => `${word}!`")]);
    let code = "const tone = require('tone');\nexports.greet = who => tone(`hello ${who}`);\nexports.fail = () => {\n  throw new TypeError('no');\n};\n";
    registry.publish(
        "greeter",
        "1.4.0",
        json!({ "main": "lib/greet.js", "dependencies": { "tone": "^2" } }),
        &[("lib/greet.js", code)],
    );
}

const HANDLER: &str = "const { greet, fail } = require('greeter');\nmodule.exports = async function handler ({ payload }) {\n  if (payload.fail) fail();\n  return greet(payload.who);\n};\n";

#[tokio::test]
async fn a_package_is_installed_bundled_and_run() {
    let registry = Registry::start();
    greeter(&registry);
    let server = server(&registry).await;
    let package =
        json!({ "dependencies": { "greeter": "^1.0.0" }, "scripts": { "postinstall": "exit 1" } }).to_string();
    let (status, saved) = put(&server, "greet", json!({ "integration.js": HANDLER, "package.json": package })).await;
    assert_eq!(status, 201, "{saved}");
    let packages = json!([
        { "name": "greeter", "version": "1.4.0", "direct": true }, { "name": "tone", "version": "2.0.1", "direct": false },
    ]);
    assert_eq!(saved["packages"], packages);
    // A newer version changes nothing until the dependency does.
    registry.publish("tone", "2.9.0", json!({}), &[("index.js", "module.exports = () => 'changed'")]);
    server.post("/v1/integrations/greet/releases", json!({})).await;
    assert_eq!(server.execute("greet", json!({ "payload": { "who": "you" } })).await, "hello you!");
    assert_eq!(server.get("/v1/integrations/greet").await["packages"], packages);
    let runs = server.get("/v1/runs?integration=greet").await;
    let run = server.get(&format!("/v1/runs/{}", runs["items"][0]["id"].as_str().expect("an id"))).await;
    let boot = boot(&run);
    assert_eq!(boot["message"], "Using cached dependencies");
    assert_eq!(
        (&boot["detail"]["dependencies"], &boot["detail"]["transitive"]),
        (&json!({ "greeter": "1.4.0" }), &json!(["tone@2.0.1"]))
    );
    // An error in a package is shown where it is, and its frame where the author's code called it.
    let (status, failed) =
        server.call("POST", "/v1/integrations/greet/execute", Some(json!({ "payload": { "fail": true } }))).await;
    let error = &failed["error"];
    assert_eq!((status, &error["name"]), (422, &json!("TypeError")), "{failed}");
    let stack = error["stack"].as_str().expect("a stack");
    assert!(stack.contains("node_modules/greeter/lib/greet.js:4:") && stack.contains("(integration.js:3:"), "{stack}");
    assert_eq!((&error["at"]["file"], &error["at"]["line"]), (&json!("integration.js"), &json!(3)), "{error}");
    // Without the registry: what is saved runs, what is locked can be saved again.
    registry.go_down(true);
    assert_eq!(server.execute("greet", json!({ "payload": { "who": "me" } })).await, "hello me!");
    let changed = HANDLER.replace("payload.who)", "payload.who.toUpperCase())");
    let (status, saved) = put(&server, "greet", json!({ "integration.js": changed, "package.json": package })).await;
    assert_eq!((status, &saved["packages"]), (200, &packages), "{saved}");
    let preview = server.post("/v1/integrations/greet/preview", json!({ "payload": { "who": "us" } })).await;
    assert_eq!(preview["result"], "hello US!", "{preview}");
    let package = json!({ "dependencies": { "unheard-of": "1" } }).to_string();
    let (status, down) = put(&server, "greet", json!({ "integration.js": HANDLER, "package.json": package })).await;
    assert_eq!((status, &down["code"]), (503, &json!("registry_unreachable")), "{down}");
    assert!(down["retryAfterMs"].as_u64().is_some(), "{down}");
}

#[tokio::test]
async fn what_cannot_be_installed_is_a_problem_document() {
    let registry = Registry::start();
    greeter(&registry);
    registry.publish("native", "1.0.0", json!({}), &[("index.js", "module.exports = 1"), ("binding.gyp", "{}")]);
    registry.publish(
        "big",
        "1.0.0",
        json!({}),
        &[("index.js", &format!("module.exports = '{}'", "x".repeat(6 << 20)))],
    );
    registry.publish("changed", "1.0.0", json!({}), &[("index.js", "1")]);
    registry.bytes("/changed/-/changed-1.0.0.tgz", b"other".to_vec());
    let server = server(&registry).await;
    let check = |package: Value, code: &'static str, part: &'static str| {
        let server = &server;
        async move {
            let names =
                package["dependencies"].as_object().into_iter().flatten().map(|(name, _)| format!("require('{name}')"));
            let code_text = format!("module.exports = async () => 1;\n{}\n", names.collect::<Vec<_>>().join(";\n"));
            let files = json!({ "integration.js": code_text, "package.json": package.to_string() });
            let (status, said) = put(server, "x", files).await;
            assert_eq!((status, &said["code"]), (422, &json!(code)), "{said}");
            assert!(said["detail"].as_str().is_some_and(|detail| detail.contains(part)), "{said}");
            said
        }
    };
    let wants = |name: &str, spec: &str| json!({ "dependencies": { name: spec } });
    check(wants("nowhere", "1"), "package_not_found", "nowhere, required by package.json").await;
    check(wants("tone", "^7"), "package_version_not_found", "2.0.1").await;
    check(wants("native", "1"), "native_module", "native").await;
    check(wants("big", "1"), "bundle_too_large", "big (6144 KiB)").await;
    check(wants("changed", "1"), "package_integrity_mismatch", "changed@1.0.0").await;
    check(wants("tone", "file:../tone"), "unsupported_dependency", "publish").await;
    let files = json!({ "integration.js": "module.exports = () => 1", ".npmrc": "x" });
    let (status, said) = put(&server, "x", files).await;
    assert_eq!((status, &said["code"]), (422, &json!("invalid_file_name")), "{said}");
    let (status, _) = server.call("GET", "/v1/integrations/x", None).await;
    assert_eq!(status, 404, "nothing was saved");
    let files =
        json!({ "integration.js": "exports.x = require('tone')", "package.json": wants("tone", "2").to_string() });
    let (_, said) = put(&server, "x", files).await;
    assert_eq!((&said["code"], &said["at"]["line"]), (&json!("no_handler"), &json!(1)), "{said}");
}

/// Many packages name such a module for a case that never comes: it is refused when it is used.
#[tokio::test]
async fn what_a_package_cannot_have_is_refused_when_it_asks_for_it() {
    let registry = Registry::start();
    registry.publish(
        "shell",
        "1.0.0",
        json!({}),
        &[
            ("run.js", "module.exports = () => require('child_process').execSync('ls')"),
            ("index.js", "module.exports = require('./run')"),
        ],
    );
    let server = server(&registry).await;
    let code = "const shell = require('shell'); module.exports = () => shell()";
    let package = json!({ "dependencies": { "shell": "1" } }).to_string();
    let (status, saved) = put(&server, "x", json!({ "integration.js": code, "package.json": package })).await;
    assert_eq!(status, 201, "{saved}");
    let run = server.post("/v1/integrations/x/preview", json!({})).await;
    let message = run["error"]["message"].as_str().expect("a message");
    assert_eq!(run["error"]["code"], "unsupported_builtin", "{run}");
    assert!(message.contains("child_process.execSync") && message.contains("node_modules/shell/run.js"), "{message}");
}

#[tokio::test]
async fn a_folder_with_packages_and_files_of_its_own_is_deployed() {
    let registry = Registry::start();
    greeter(&registry);
    let server = server(&registry).await;
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("greet");
    fs::create_dir_all(folder.join("lib")).expect("folders");
    for (name, text) in [
        ("integration.toml", "description = \"Greets.\"\n"),
        (
            "integration.ts",
            "import { polite } from './lib/polite';\nexport default async ({ payload }: { payload: { who: string } }) => polite(payload.who);\n",
        ),
        (
            "lib/polite.ts",
            "import { greet } from 'greeter';\nexport const polite = (who: string): string => greet(`dear ${who}`);\n",
        ),
        ("package.json", "{\"dependencies\":{\"greeter\":\"^1.0.0\"}}"),
    ] {
        fs::write(folder.join(name), text).expect("written");
    }
    let url = server.url().to_owned();
    let env = [("TIDEGATE_SERVER", url.as_str()), ("TIDEGATE_KEY", crate::support::KEY)];
    let ran = tidegate_in(root.path(), &["deploy"], &env).ok();
    assert!(ran.err.contains("installing and bundling the packages of greet"), "{ran:?}");
    assert_eq!(server.execute("greet", json!({ "payload": { "who": "you" } })).await, "hello dear you!");
    let again = tidegate_in(root.path(), &["deploy", "--plan"], &env).ok();
    assert!(again.err.contains("0 to change, 1 unchanged"), "{again:?}");
}

#[tokio::test]
async fn the_seeds_packages_are_installed_as_npm_has_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let registry = Registry::start();
    registry.serve_locked(&root.join("tests/compat/lock.json"), &root.join("target/compat/npm"));
    let server = server(&registry).await;
    let code =
        "const md5 = require('md5');\nmodule.exports = async ({ payload }) => ({ email: md5(payload.email) });\n";
    let files = json!({ "integration.js": code, "package.json": "{\"dependencies\":{\"md5\":\"^2.3.0\"}}" });
    let (status, saved) = put(&server, "hash", files).await;
    assert_eq!(status, 201, "{saved}");
    server.post("/v1/integrations/hash/releases", json!({})).await;
    let email = server.execute("hash", json!({ "payload": { "email": "ada@example.com" } })).await;
    assert_eq!(email, json!({ "email": "3e3417d7ef77d5932a6734b916515ed5" }));
    let files = json!({ "integration.js": RANDOM_USER, "package.json": "{\n  \"dependencies\": {\n    \"axios\": \"^0.18.0\"\n  }\n}\n" });
    let (status, saved) = put(&server, "random-user", files).await;
    assert_eq!(status, 201, "{saved}");
    assert_eq!(saved["packages"][0], json!({ "name": "axios", "version": "0.18.1", "direct": true }));
}

/// The first example of the seed, as it stands there.
const RANDOM_USER: &str = r"const axios = require('axios')

module.exports = async function handler ({ payload }) {
  // We pass a seed through the payload object
  const { seed } = payload
  console.log(`Generating random user with seed ${seed}`)

  // Request some random users through an external API
  const { data } = await axios.get(`https://randomuser.me/api/?seed=${seed}`)
  const [ person ] = data.results

  // And log the person's name
  console.log(`Random name: ${person.name.first} ${person.name.last}`)
}
";

#[tokio::test]
async fn a_private_registry_gets_the_token_that_is_stored_as_a_secret() {
    let registry = Registry::start();
    greeter(&registry);
    let server = Server::start_with_registry(&registry, &[("TIDEGATE_PACKAGES__TOKEN_SECRET", "NPM_TOKEN")]).await;
    let files = json!({ "integration.js": HANDLER, "package.json": "{\"dependencies\":{\"greeter\":\"1\"}}" });
    let (status, refused) = put(&server, "hello", files.clone()).await;
    assert_eq!((status, &refused["code"]), (422, &json!("package_forbidden")), "{refused}");
    assert!(refused["detail"].as_str().expect("a text").contains("no secret NPM_TOKEN"), "{refused}");
    assert_eq!(registry.asked(), vec![]);
    let secret = json!({ "value": "npm_f1rst", "gatewayOnly": true });
    assert_eq!(server.call("PUT", "/v1/secrets/NPM_TOKEN", Some(secret)).await.0, 204);
    let (status, saved) = put(&server, "hello", files).await;
    assert_eq!(status, 201, "{saved}");
    let asked = registry.asked();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|asked| asked.authorization.as_deref() == Some("Bearer npm_f1rst")), "{asked:?}");
}
