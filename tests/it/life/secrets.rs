//! Secrets from the command line to the service that needs them; and keys changed under a running server, with kills.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::support::{KEY, Server, Sink, tidegate_in, until, within};

/// Runs `tidegate` with this standard input; gives the exit code and stderr.
async fn with_input(server: &Server, args: &[&str], input: &str) -> (i32, String) {
    use tokio::io::AsyncWriteExt;

    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(args).env("TIDEGATE_SERVER", server.url()).env("TIDEGATE_KEY", KEY).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = within("the command", child.wait_with_output()).await.expect("it ends");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_secret_goes_from_the_command_line_to_its_service_and_nowhere_else() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    let code = format!(
        "module.exports = async ({{ secrets }}) => {{
           const send = (value) => fetch('{0}/x?k=' + value, {{
             method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: JSON.stringify({{ value }}) }});
           await send(secrets.PAY_KEY);
           const other = await fetch('http://127.0.0.1:9/?' + secrets.PAY_KEY).catch((error) => error.code);
           console.log(secrets.PAY_KEY, secrets.CHAT);
           return [secrets.PAY_KEY, secrets.CHAT, other];
         }};",
        sink.url()
    );
    server.deploy("pay", &code, json!({})).await;
    let set = ["secrets", "set", "PAY_KEY", "--integration", "pay", "--gateway-only", "--host", &sink.url()];
    let (status, said) = with_input(&server, &set, "k-\"first\"-key\n").await;
    assert_eq!((status, said.contains("first")), (0, false), "{said}");
    let (status, said) = with_input(&server, &["secrets", "set", "CHAT"], "chat").await;
    assert_eq!(status, 1, "too short: {said}");
    assert!(said.contains("at least 6 bytes"), "{said}");
    assert_eq!(with_input(&server, &["secrets", "set", "CHAT"], "chat-token").await.0, 0);
    let result = server.execute("pay", json!({})).await;
    assert_eq!(result, json!(["$(secret:PAY_KEY)", "******", "secret_not_allowed_here"]));
    let request = &sink.requests()[0];
    assert_eq!(
        (request.path.as_str(), &request.body),
        ("/x?k=k-%22first%22-key", &json!({ "value": "k-\"first\"-key" }))
    );
    // The next run sees another value.
    assert_eq!(with_input(&server, &set, "k-second-key").await.0, 0);
    server.execute("pay", json!({})).await;
    assert_eq!(sink.requests()[1].body, json!({ "value": "k-second-key" }));
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)];
    let folder = std::env::temp_dir();
    let listed = tidegate_in(&folder, &["secrets", "list", "--integration", "pay"], &env).ok().out;
    assert!(
        listed.starts_with("PAY_KEY") && listed.contains("gateway only") && listed.contains(&sink.url()),
        "{listed}"
    );
    tidegate_in(&folder, &["secrets", "delete", "PAY_KEY", "--integration", "pay"], &env).ok();
    assert_eq!(tidegate_in(&folder, &["secrets", "delete", "PAY_KEY", "--integration", "pay"], &env).code, 3);
    assert_eq!(server.execute("pay", json!({})).await[0], json!(null));
    let runs = server.get("/v1/runs?integration=pay").await;
    for run in runs["items"].as_array().expect("items") {
        let run = server.get(&format!("/v1/runs/{}", run["id"].as_str().expect("an id"))).await.to_string();
        assert!(!run.contains("first") && !run.contains("second") && !run.contains("chat-token"), "{run}");
    }
}

#[tokio::test]
async fn an_integration_gets_its_own_secrets_and_the_workspaces_only() {
    let server = Server::start_env(&[("TIDEGATE_SECRET_SHARED", "from-the-environment")]).await;
    let code = "module.exports = ({ secrets }) => [Object.keys(secrets), secrets.SHARED.length];";
    server.deploy("one", code, json!({})).await;
    server.deploy("two", code, json!({})).await;
    let put = async |path: &str, value: &str| {
        let (status, answer) = server.call("PUT", path, Some(json!({ "value": value }))).await;
        assert_eq!(status, 204, "{answer}");
    };
    put("/v1/integrations/one/secrets/OWN", "one's own").await;
    put("/v1/secrets/SHARED", "stored-shared").await;
    assert_eq!(server.execute("one", json!({})).await, json!([["OWN", "SHARED"], 13]));
    assert_eq!(server.execute("two", json!({})).await, json!([["SHARED"], 13]));
    put("/v1/integrations/two/secrets/SHARED", "two's own").await;
    assert_eq!(server.execute("two", json!({})).await, json!([["SHARED"], 9]));
}

#[tokio::test]
async fn keys_are_rotated_under_a_running_server_and_a_killed_rotation_goes_on() {
    const N: usize = 60;
    let mut server = Server::start().await;
    let code = "module.exports = ({ secrets }) => Object.values(secrets).map((value) => value.length);";
    server.deploy("sum", code, json!({})).await;
    for n in 0..N {
        let body = json!({ "value": "x".repeat(6 + n) });
        assert_eq!(server.call("PUT", &format!("/v1/secrets/S{n:02}"), Some(body)).await.0, 204);
    }
    let expected = json!((0..N).map(|n| 6 + n).collect::<Vec<_>>());
    let data = server.data().to_str().expect("UTF-8").to_owned();
    let key = || std::fs::read_to_string(server.data().join("master.key")).expect("the key file");
    let before = key();
    let mut killed = 0;
    for round in 0..12_u64 {
        let mut rotation = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["keys", "rotate", "--reencrypt", "--data", &data])
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        // Not at once, and each time a little later.
        let patience = std::time::Duration::from_millis(15 + 12 * round);
        if tokio::time::timeout(patience, rotation.wait()).await.is_err() {
            rotation.kill().await.expect("killed");
            killed += 1;
        }
        assert_eq!(server.execute("sum", json!({})).await, expected, "round {round}");
    }
    assert!(killed > 0, "no rotation was killed");
    let folder = std::env::temp_dir();
    let said = tidegate_in(&folder, &["keys", "rotate", "--reencrypt", "--data", &data], &[]).ok().err;
    assert!(said.contains("the master key is"), "{said}");
    assert!(key() != before && key().lines().filter(|line| !line.starts_with('#')).count() == 1);
    // The server hears of it within a second, and both it and the next one can read and write.
    let body = json!({ "value": "y".repeat(6) });
    until("a new value", async || {
        (server.call("PUT", "/v1/secrets/S00", Some(body.clone())).await.0 == 204).then_some(())
    })
    .await;
    assert_eq!(server.execute("sum", json!({})).await, expected);
    assert_eq!(server.terminate().await.code(), Some(0));
    server.restart().await;
    assert_eq!(server.execute("sum", json!({})).await, expected);
}
