//! Integrations that execute each other do not wait for room that they themselves take.

use serde_json::json;

use crate::support::Server;

const CODE: &str = "module.exports = async ({ payload }) =>
    payload.depth === 0 ? 'bottom' : integration(payload.depth % 2 ? 'odd' : 'even').execute({ depth: payload.depth - 1 });";

#[tokio::test]
async fn a_chain_of_executes_ends_where_there_is_room_for_one_run() {
    let env = [("TIDEGATE_RUNS__CONCURRENCY", "1"), ("TIDEGATE_RUNS__RUNNERS", "1")];
    let server = Server::start_env(&env).await;
    server.deploy("odd", CODE, json!({})).await;
    server.deploy("even", CODE, json!({})).await;
    assert_eq!(server.execute("odd", json!({ "payload": { "depth": 5 } })).await, json!("bottom"));
    // Afterwards there is as much room as before.
    assert_eq!(server.execute("even", json!({ "payload": { "depth": 0 } })).await, json!("bottom"));
}
