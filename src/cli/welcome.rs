//! What the first start shows: the admin key, once, and what to try with it.

use std::net::SocketAddr;

use super::terminal;

/// Shows the key and three commands to try.
pub fn first_start(address: SocketAddr, key: &str, examples: bool) {
    let text = [
        "The admin key. It is shown this once; keep it safe:".to_owned(),
        String::new(),
        format!("  {key}"),
        String::new(),
        "TIDEGATE_KEY=… is where the commands look for it.".to_owned(),
    ];
    terminal::say(&terminal::boxed(&text));
    let next = if examples { to_try(address, key) } else { to_begin() };
    terminal::say(&next);
}

fn to_try(address: SocketAddr, key: &str) -> String {
    let curl = format!("curl -sS -H 'Authorization: Bearer {key}'");
    let url = format!("http://{address}/v1");
    let order =
        r##"{"payload":{"id":"A-1001","customer":"Ada","total":129.5,"currency":"EUR"},"key":{"channel":"#orders"}}"##;
    let reminder = r#"{"key":{"email":"ada@example.com"},"delay":"2s","window":{"day":"monday-friday","time":"09:00-17:00"},"payload":{"email":"ada@example.com","name":"Ada"}}"#;
    format!(
        "Try it:\n\
         \n  # run an integration now, and get its result\n  \
         {curl} --json '{order}' {url}/integrations/order-alert/execute\n\
         \n  # run one later, by key, in office hours\n  \
         {curl} --json '{reminder}' {url}/integrations/reminder-email/schedule\n\
         \n  # follow the logs of all runs\n  \
         {curl} -N {url}/runs/stream\n"
    )
}

fn to_begin() -> String {
    "What next:\n  \
     tidegate new hello            makes the folder of a first integration\n  \
     tidegate deploy hello         brings it to this server\n"
        .to_owned()
}
