//! The first examples of this kind of product, as their authors wrote them: only the address of the other side differs.

use serde_json::{Value, json};

use super::mock::Mock;
use super::serving::{registry, serve};
use crate::support::Server;

const RANDOM_USER: &str = "const axios = require('axios')

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

const HASHED_KEY: &str = "const md5 = require('md5')

module.exports = async function handler ({ payload }) {
  return { email: md5(payload.email) }
}
";

async fn preview(server: &Server, name: &str, files: Value, payload: Value) -> Value {
    let path = format!("/v1/integrations/{name}");
    let (status, saved) = server.call("PUT", &path, Some(json!({ "files": files }))).await;
    assert_eq!(status, 201, "{saved}");
    server.post(&format!("{path}/preview"), json!({ "payload": payload })).await
}

#[tokio::test]
async fn the_examples_run_as_they_were_written() {
    let mock = r#"{ "GET /api/": { "json": { "results": [{ "name": { "first": "Sue", "last": "Perez" } }] } } }"#;
    let url = serve(Mock::new(mock).expect("a mock")).await;
    let server = Server::start_with_registry(&registry(), &[("TIDEGATE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let files = json!({
        "integration.js": RANDOM_USER.replace("https://randomuser.me", &url),
        "package.json": r#"{ "dependencies": { "axios": "^0.18.0" } }"#,
    });
    let run = preview(&server, "random-user", files, json!({ "seed": "foo" })).await;
    assert_eq!((&run["outcome"], &run["result"]), (&json!("succeeded"), &Value::Null), "{run}");
    let lines: Vec<String> = run["logs"]
        .as_array()
        .expect("a log")
        .iter()
        .map(|line| format!("{} {}", line["level"].as_str().expect("a level"), line["message"].as_str().expect("text")))
        .collect();
    assert!(lines[0].starts_with("boot Using cached dependencies"), "{lines:?}");
    assert_eq!(run["logs"][0]["detail"]["dependencies"], json!({ "axios": "0.18.1" }));
    assert_eq!(lines[1], "info Generating random user with seed foo");
    assert_eq!(lines[2], format!("http GET {url}/api/?seed=foo - 200 OK"));
    assert_eq!(lines[3], "info Random name: Sue Perez");
    assert!(lines[4].starts_with("end Execution finished in "), "{lines:?}");

    let files = json!({ "integration.js": HASHED_KEY, "package.json": r#"{ "dependencies": { "md5": "^2.3.0" } }"# });
    let run = preview(&server, "hashed-key", files, json!({ "email": "ada@example.com" })).await;
    assert_eq!(run["result"], json!({ "email": "3e3417d7ef77d5932a6734b916515ed5" }), "{run}");
}
