//! What a folder says, and what is said about a wrong one.

use super::*;

fn texts(manifest: &str, others: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [(MANIFEST, manifest), ("integration.js", "module.exports = async () => 1\n")];
    own.into_iter().chain(others.iter().copied()).map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[test]
fn a_folder_becomes_the_body_of_a_put() {
    let manifest = r#"
        description = "Reminds."
        trigger = "recurring"
        [settings]
        timeout_ms = 5000
        allowed_domains = ["api.example.com"]
        retry = { attempts = 5, give_up_after = "1h" }
        concurrency = 2
        [[settings.rate_limits]]
        limit = 10
        interval = "1m"
        on_exceed = "delay"
        key = ["user_id"]
        [settings.schedule]
        every = "day"
        at = "06:00"
        catchup_window = "2h"
    "#;
    let folder =
        assemble("reminder", &texts(manifest, &[("sample.json", "{\"user_id\":1}"), ("package.json", "{}")])).unwrap();
    assert_eq!(folder.name, "reminder");
    let expected = json!({
        "description": "Reminds.",
        "trigger": "recurring",
        "files": {"integration.js": "module.exports = async () => 1\n", "package.json": "{}"},
        "settings": {
            "timeoutMs": 5000,
            "allowedDomains": ["api.example.com"],
            "retry": {"attempts": 5, "giveUpAfter": "1h"},
            "concurrency": 2,
            "rateLimits": [{"limit": 10, "interval": "1m", "onExceed": "delay", "key": ["user_id"]}],
            "schedule": {"every": "day", "at": "06:00", "catchupWindow": "2h"},
        },
        "sample": {"user_id": 1},
    });
    assert_eq!(folder.body, expected);
}

#[test]
fn events_and_what_cancels_are_tables() {
    let manifest = "trigger = \"event\"\n[settings.events]\ntypes = [\"shop.*\"]\nfilter = \"event.n > 1\"\n\
                    key = { email = \"event.user.email\" }\n[[settings.cancel_on]]\ntypes = [\"buy\"]\n\
                    match = { email = \"event.user.email\" }";
    let folder = assemble("a", &texts(manifest, &[])).unwrap();
    let expected = json!({
        "events": {"types": ["shop.*"], "filter": "event.n > 1", "key": {"email": "event.user.email"}},
        "cancelOn": [{"types": ["buy"], "match": {"email": "event.user.email"}}],
    });
    assert_eq!(folder.body["settings"], expected);
}

#[test]
fn a_hook_is_written_as_tables() {
    let manifest = r#"
        trigger = "http"
        [settings.http]
        respond = "accepted"
        max_body_kb = 64
        key = { shop_id = "headers.x-shop" }
        [settings.http.auth]
        kind = "hmac"
        secret = "HOOK_SECRET"
        header = "X-Signature"
        signs = "{timestamp}.{body}"
        timestamp_header = "X-Time"
    "#;
    let folder = assemble("hook", &texts(manifest, &[])).expect("a folder");
    let expected = json!({
        "respond": "accepted",
        "maxBodyKb": 64,
        "key": {"shop_id": "headers.x-shop"},
        "auth": {
            "kind": "hmac", "secret": "HOOK_SECRET", "header": "X-Signature", "signs": "{timestamp}.{body}",
            "timestampHeader": "X-Time",
        },
    });
    assert_eq!(folder.body["settings"]["http"], expected);
    workers::authoring::Submission::parse(folder.body).expect("valid");
    let open = assemble("hook", &texts("trigger = \"http\"\n[settings.http]\nauth = \"none\"", &[])).expect("a folder");
    assert_eq!(open.body["settings"]["http"], json!({"auth": "none"}));
}

#[test]
fn concurrency_is_a_number_a_table_or_a_list_of_tables() {
    let check = |manifest: &str, expected: Value| {
        let folder = assemble("plain", &texts(manifest, &[])).expect("a folder");
        assert_eq!(folder.body["settings"]["concurrency"], expected, "{manifest}");
    };
    check("[settings]\nconcurrency = 2", json!(2));
    check("[settings]\nconcurrency = { limit = 1, key = [\"email\"] }", json!({"limit": 1, "key": ["email"]}));
    let both =
        "[[settings.concurrency]]\nlimit = 20\n[[settings.concurrency]]\nlimit = 1\nkey = [\"email\"]\nbacklog = 9";
    check(both, json!([{"limit": 20}, {"limit": 1, "key": ["email"], "backlog": 9}]));
}

#[test]
fn what_is_not_said_has_a_default() {
    let folder = assemble("plain", &texts("name = \"other\"", &[])).unwrap();
    assert_eq!(folder.name, "other");
    assert_eq!(folder.body["trigger"], "experience");
    assert_eq!(folder.body["settings"], json!({}));
    assert_eq!(folder.body["sample"], Value::Null);
}

#[test]
fn a_wrong_folder_is_refused_with_the_way_out() {
    let check = |manifest: &str, others: &[(&str, &str)], expected: &[&str]| {
        let said = assemble("plain", &texts(manifest, others)).expect_err(manifest).message;
        for part in expected {
            assert!(said.contains(part), "{manifest:?} gave {said:?}, without {part:?}");
        }
    };
    check("desription = \"x\"", &[], &["`desription`", "`description`"]);
    check("timeout_ms = 1", &[], &["`timeout_ms`", "[settings]"]);
    check("[settings]\ntimeoutMs = 1", &[], &["`settings.timeoutMs`", "written `timeout_ms`"]);
    check("[settings.retry]\natempts = 1", &[], &["`settings.retry.atempts`", "`attempts`"]);
    check("[[settings.rate_limits]]\nlimt = 1", &[], &["`settings.rate_limits[0].limt`", "`limit`"]);
    check("[settings]\nconcurrency = { limt = 1 }", &[], &["`settings.concurrency.limt`", "`limit`"]);
    check("[[settings.concurrency]]\nbacklg = 1", &[], &["`settings.concurrency[0].backlg`", "`backlog`"]);
    check("[settings]\nconcurrency = [1]", &[], &["[[settings.concurrency]]"]);
    check("[settings]\nrate_limits = 3", &[], &["[[settings.rate_limits]]"]);
    check("settings = 3", &[], &["[settings]"]);
    check("[settings.retry]\nfactor = inf", &[], &["`settings.retry.factor`", "finite"]);
    check("name = 3", &[], &["`name`", "string"]);
    check("name = \"Not So\"", &[], &["Not So"]);
    check("x = ", &[], &["integration.toml", "line 1"]);
    check("", &[("sample.json", "{")], &["sample.json", "not JSON"]);
    check("", &[("integration.ts", "")], &["keep one"]);
}

#[test]
fn a_folder_without_code_or_manifest_says_what_is_missing() {
    let mut without_code = texts("", &[]);
    without_code.remove("integration.js");
    assert!(assemble("plain", &without_code).unwrap_err().message.contains("integration.ts"));
    let failure = assemble("plain", &BTreeMap::new()).unwrap_err();
    assert!(failure.message.contains(MANIFEST) && failure.help.unwrap().contains("tidegate new"));
}

#[test]
fn folders_are_found_at_and_below_a_path() {
    let root = tempfile::tempdir().unwrap();
    for name in ["b", "a", ".hidden", "plain"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    for name in ["b", "a"] {
        fs::write(root.path().join(name).join(MANIFEST), "").unwrap();
    }
    assert_eq!(find(root.path()).unwrap(), [root.path().join("a"), root.path().join("b")]);
    assert_eq!(find(&root.path().join("a")).unwrap(), [root.path().join("a")]);
    assert!(find(&root.path().join("nowhere")).unwrap_err().message.contains("nowhere"));
}
