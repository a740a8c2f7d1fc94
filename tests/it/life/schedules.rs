//! Schedules by API in a running server: they fire, wait, fail and are paused, are backfilled and proven.

use serde_json::{Value, json};

use crate::support::{KEY, Server, Sink, tidegate_in, until};

const TELL: &str = r"
module.exports = async ({ payload }) => {
  await fetch(payload.url, { method: 'POST', body: JSON.stringify(payload) });
};";
const FAIL: &str = "module.exports = () => { throw new Error('no') };";

async fn put(server: &Server, path: &str, body: Value) -> Value {
    let (status, answer) = server.call("PUT", path, Some(body)).await;
    assert!(status < 300, "PUT {path}: {status} {answer}");
    answer
}

#[tokio::test]
async fn ticks_run_and_the_ledger_proves_it() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("tell", TELL, json!({})).await;
    for customer in 1..=3 {
        let body = json!({
            "every": "1s", "maxRuns": 3, "overlap": "allow", "payload": { "url": sink.url(), "customer": customer }
        });
        put(&server, &format!("/v1/integrations/tell/schedules/customer-{customer}"), body).await;
    }
    let told = sink.wait_for(9).await;
    for customer in 1..=3 {
        let of_it: Vec<&Value> = told.iter().map(|it| &it.body).filter(|body| body["customer"] == customer).collect();
        assert_eq!(of_it.len(), 3);
        assert!(
            of_it.iter().all(|body| body["schedule"] == format!("customer-{customer}") && body["nominal"].is_string())
        );
    }
    let path = "/v1/integrations/tell/schedules/customer-1";
    let shown = until("the schedule to be over", async || {
        let shown = server.get(path).await;
        (shown["fired"] == 3).then_some(shown)
    })
    .await;
    assert_eq!(shown["next"], Value::Null);
    let ticks = server.get(&format!("{path}/ticks?first=2")).await;
    assert_eq!((&ticks["totalCount"], &ticks["items"][0]["verdict"]), (&json!(3), &json!("fired")));
    let rest = server.get(&format!("{path}/ticks?after={}", ticks["next"].as_str().expect("more"))).await;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    let report = server.get(&format!("{path}/verify")).await;
    assert_eq!(
        (&report["good"], &report["fired"], &report["expected"]),
        (&json!(true), &json!(3), &json!(3)),
        "{report}"
    );
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)];
    let proven = tidegate_in(server.data(), &["verify", "tell/customer-1"], &env).ok();
    assert!(proven.out.contains("3 fired") && proven.out.contains("no tick is missing"), "{proven:?}");
    let listed = tidegate_in(server.data(), &["schedules", "ticks", "tell/customer-1", "--limit", "3"], &env).ok();
    assert_eq!(listed.out.lines().count(), 3, "{listed:?}");
}

#[tokio::test]
async fn a_schedule_that_fails_is_paused_and_says_why() {
    let server = Server::start().await;
    server.deploy("fail", FAIL, json!({ "retry": { "attempts": 1 } })).await;
    let path = "/v1/integrations/fail/schedules/customer-1";
    put(&server, path, json!({ "every": "1s", "overlap": "allow", "pauseAfterFailures": 2 })).await;
    let paused = until("the pause", async || {
        let shown = server.get(path).await;
        shown["pause"].is_object().then_some(shown)
    })
    .await;
    assert_eq!(paused["pause"]["by"], "engine");
    assert!(paused["pause"]["note"].as_str().is_some_and(|note| note.contains("in a row have failed")), "{paused}");
    assert_eq!(server.get("/v1/integrations/fail/schedules?only=failing").await["totalCount"], 1);
    let resumed = server.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!((&resumed["pause"], &resumed["failures"]), (&Value::Null, &json!(0)));
}

#[tokio::test]
async fn a_pause_is_a_record_and_an_edit_fires_nothing() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("tell", TELL, json!({})).await;
    let path = "/v1/integrations/tell/schedules/customer-1";
    let body = json!({ "every": "1s", "overlap": "allow", "payload": { "url": sink.url() } });
    put(&server, path, body).await;
    sink.wait_for_count(2).await;
    server.post(&format!("{path}/pause"), json!({ "note": "holidays" })).await;
    let held = server.get(path).await["cursor"].clone();
    until("time to go by", async || {
        let report = server.get(&format!("{path}/verify")).await;
        assert_eq!(report["good"], true, "{report}");
        (report["waiting"].as_u64() >= Some(2)).then_some(())
    })
    .await;
    server.post(&format!("{path}/resume"), json!({})).await;
    until("the record of the pause", async || {
        let ticks = server.get(&format!("{path}/ticks?first=100")).await;
        let paused = ticks["items"].as_array()?.iter().find(|tick| tick["reason"] == "paused")?.clone();
        (paused["count"].as_u64() >= Some(2)).then_some(())
    })
    .await;
    assert_ne!(server.get(path).await["cursor"], held);
    put(&server, path, json!({ "every": "day", "at": "00:00", "start": "2999-01-01" })).await;
    until("the new revision", async || {
        let shown = server.get(path).await;
        (shown["revision"] == 2 && shown["next"] == "2999-01-01T00:00:00.000Z").then_some(())
    })
    .await;
    let report = server.get(&format!("{path}/verify")).await;
    assert_eq!(report["good"], true, "{report}");
}

#[tokio::test]
async fn a_backfill_runs_one_tick_after_the_other_and_shows_how_far_it_is() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("tell", TELL, json!({})).await;
    let path = "/v1/integrations/tell/schedules/customer-1";
    put(&server, path, json!({ "every": "day", "at": "06:00", "payload": { "url": sink.url() } })).await;
    for (overlap, from, to, total) in
        [("queue", "2026-01-01", "2026-01-06", 5), ("allow", "2025-01-01", "2025-01-21", 20)]
    {
        let body = json!({ "from": from, "to": to, "overlap": overlap });
        let begun = server.post(&format!("{path}/backfill"), body).await;
        assert_eq!(begun["total"], total);
        let told: Vec<String> =
            sink.wait_for(total).await.iter().map(|it| it.body["nominal"].as_str().unwrap().to_owned()).collect();
        if overlap == "queue" {
            assert!(told.is_sorted(), "{told:?}");
        }
        until("the end", async || {
            let all = server.get(&format!("{path}/backfills")).await;
            let it = all["items"].as_array()?.iter().find(|it| it["id"] == begun["id"])?.clone();
            (it["state"] == "done" && it["fired"] == total).then_some(())
        })
        .await;
        assert_eq!(sink.take().len(), total);
    }
    assert_eq!(server.get("/v1/runs?first=1").await["items"][0]["cause"], "backfill");
}
