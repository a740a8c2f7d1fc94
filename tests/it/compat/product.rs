//! Every package of the corpus, one after the other, and the table of what became of them.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::corpus::{Expected, Package, packages};
use super::serving::{registry, serve};
use super::table::{self, Row, Verdict};
use crate::support::Server;

/// Packages under way at one time: bundling keeps the processors busy.
const AT_ONCE: usize = 3;

#[tokio::test]
async fn packages_answer_as_in_node() {
    let server = Server::start_with_registry(&registry(), &[("TIDEGATE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let rows: Vec<Row> =
        stream::iter(packages()).map(|package| row(&server, package)).buffered(AT_ONCE).collect().await;
    for row in rows.iter().filter(|row| matches!(row.verdict, Verdict::Fails(_))) {
        println!("{}: {:?}", row.name, row.verdict);
    }
    let passed = rows.iter().filter(|row| row.verdict == Verdict::Passes).count();
    println!("{passed} of {} packages pass", rows.len());
    assert!(passed * 100 >= rows.len() * 85, "{passed} of {}", rows.len());
    table::compare(&rows);
}

async fn row(server: &Server, package: Package) -> Row {
    let Package { name, integration, dependencies, mock, expected } = package;
    let url = serve(mock).await;
    let files = json!({
        "integration.js": integration, "package.json": json!({ "dependencies": dependencies }).to_string(),
    });
    let path = format!("/v1/integrations/{}", name.replace('.', "-"));
    let settings = json!({ "timeoutMs": 60_000, "memoryMb": 256 });
    let (status, saved) = server.call("PUT", &path, Some(json!({ "files": files, "settings": settings }))).await;
    let verdict = if status == 201 {
        let run = server.post(&format!("{path}/preview"), json!({ "payload": { "url": url } })).await;
        judge(&run, &expected)
    } else {
        Verdict::Fails(format!("cannot be saved: {}", saved["detail"].as_str().unwrap_or_default()))
    };
    let compared = match expected {
        Expected::Result(result) => result.as_object().map(|fields| fields.keys().cloned().collect()),
        Expected::Error(_) => None,
    };
    Row { name, dependencies, compared: compared.unwrap_or_default(), verdict }
}

fn judge(run: &Value, expected: &Expected) -> Verdict {
    let message = run["error"]["message"].as_str();
    match (expected, message) {
        (Expected::Result(expected), None) if run["result"] == *expected => Verdict::Passes,
        (Expected::Result(expected), None) => Verdict::Fails(difference(&run["result"], expected)),
        (Expected::Error(part), Some(message)) if message.contains(part.as_str()) => Verdict::Refused(part.clone()),
        (Expected::Error(part), _) => Verdict::Fails(format!("{part:?} was expected: {run}")),
        (Expected::Result(_), Some(message)) => Verdict::Fails(message.to_owned()),
    }
}

/// The first field that is not as expected.
fn difference(found: &Value, expected: &Value) -> String {
    let fields = expected.as_object().into_iter().flatten();
    let wrong = fields.into_iter().find(|(name, value)| found[name.as_str()] != **value);
    wrong.map_or_else(
        || format!("more than was expected: {found}"),
        |(name, value)| format!("{name} is {} instead of {value}", found[name.as_str()]),
    )
}
