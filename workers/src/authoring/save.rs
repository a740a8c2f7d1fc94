//! Create an integration, or replace its draft.

use serde::Deserialize;
use serde_json::Value;
use store::IntegrationId;
use store::catalog::{Draft, Files, Integration, NewIntegration, Trigger};

use crate::invoke::Target;
use crate::packages::{Built, Lock};
use crate::settings::{CHOOSE, Overlap, Settings};
use crate::{Error, Result, Services, wire};

const MAX_FILES: usize = 20;
const MAX_DESCRIPTION_BYTES: usize = 1_024;

/// A draft as its author hands it in.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// One line on what it does.
    pub description: String,
    /// What makes it run.
    pub trigger: Trigger,
    /// The code.
    pub files: Files,
    /// The settings, checked.
    pub settings: Value,
    /// A payload to try it with.
    pub sample: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    description: String,
    trigger: Option<String>,
    files: Files,
    #[serde(default)]
    settings: Value,
    #[serde(default)]
    sample: Value,
}

impl Submission {
    /// Reads the body of `PUT /v1/integrations/{name}`.
    pub fn parse(body: Value) -> Result<Self> {
        let body: Body = wire::read("", body)?;
        let names = Trigger::ALL.iter().map(|trigger| trigger.name()).collect::<Vec<_>>().join(", ");
        let trigger = body
            .trigger
            .as_deref()
            .unwrap_or("experience")
            .parse()
            .map_err(|()| Error::invalid("trigger", "invalid_trigger", format!("must be one of {names}")))?;
        if body.description.len() > MAX_DESCRIPTION_BYTES {
            let message = format!("must be at most {MAX_DESCRIPTION_BYTES} bytes");
            return Err(Error::invalid("description", "out_of_range", message));
        }
        if body.files.is_empty() || body.files.len() > MAX_FILES {
            let message = format!("must hold 1 to {MAX_FILES} files, among them integration.js or integration.ts");
            return Err(Error::invalid("files", "out_of_range", message));
        }
        let settings = Settings::parse(&body.settings)?;
        one_at_a_time(&settings)?;
        only_with_its_trigger(&settings, trigger)?;
        check_http(trigger, &settings)?;
        match (trigger, settings.schedule.is_some()) {
            (Trigger::Recurring, false) => Err(Error::invalid(
                "settings.schedule",
                "missing_field",
                "a recurring integration needs a schedule, such as {\"every\": \"day\", \"at\": \"06:00\"}",
            )),
            (Trigger::Recurring, true) | (_, false) => Ok(Self {
                description: body.description,
                trigger,
                files: body.files,
                settings: body.settings,
                sample: body.sample,
            }),
            (_, true) => Err(Error::invalid(
                "settings.schedule",
                "trigger_mismatch",
                "only an integration with trigger \"recurring\" can have a schedule",
            )),
        }
    }
}

fn only_with_its_trigger(settings: &Settings, trigger: Trigger) -> Result<()> {
    if settings.events.is_some() && trigger != Trigger::Event {
        let message = "only an integration with trigger \"event\" can subscribe to events";
        return Err(Error::invalid("settings.events", "trigger_mismatch", message));
    }
    Ok(())
}

/// Who may call a hook is for its author to say; other integrations have none.
fn check_http(trigger: Trigger, settings: &Settings) -> Result<()> {
    match (trigger, settings.http.is_some()) {
        (Trigger::Http, false) => Err(Error::invalid("settings.http.auth", "missing_field", CHOOSE)),
        (Trigger::Http, true) | (_, false) => Ok(()),
        (_, true) => Err(Error::invalid(
            "settings.http",
            "trigger_mismatch",
            "only an integration with trigger \"http\" can have it",
        )),
    }
}

/// `overlap: queue` is a concurrency of one, which another concurrency would contradict. Only what is handed in is tested:
/// what was released before must go on.
fn one_at_a_time(settings: &Settings) -> Result<()> {
    let in_turn = settings.schedule.as_ref().is_some_and(|schedule| schedule.overlap == Overlap::Queue);
    match settings.concurrency.limit {
        Some(n) if in_turn && n > 1 => Err(Error::invalid(
            "settings.concurrency",
            "overlap_mismatch",
            "\"overlap\": \"queue\" runs one job at a time; leave concurrency out, or choose \"allow\"",
        )),
        _ => Ok(()),
    }
}

/// Installs and compiles a draft, and makes sure that it exports a handler. What the draft's lock says is installed,
/// as long as that is what is asked for.
pub(super) async fn build(services: &Services, files: &Files, lock: Option<&str>) -> Result<Built> {
    let lock = lock.and_then(Lock::parse);
    Box::pin(services.packages.build(files, lock.as_ref(), &services.runners)).await
}

/// Creates the integration, or replaces its draft; `true` when it is new. A draft that does not compile is refused.
pub async fn save(services: &Services, name: &str, submission: Submission) -> Result<(Integration, bool)> {
    let target: Target = name.parse()?;
    if target.major.is_some() {
        return Err(Error::invalid("name", "invalid_name", "a draft has no release; leave @ out"));
    }
    let workspace = services.options.workspace.clone();
    let existing = services.catalog.integration(&workspace, name).await?;
    let before = existing.and_then(|existing| existing.draft.lock);
    services.directory.refresh().await?;
    services.directory.check_limiters(&Settings::parse(&submission.settings)?)?;
    let built = build(services, &submission.files, before.as_deref()).await?;
    let now = services.clock.now();
    let draft = Draft {
        files: submission.files,
        settings: submission.settings.to_string(),
        sample: submission.sample.to_string(),
        lock: built.lock.map(|lock| lock.text()),
    };
    let saved = match services.catalog.integration(&workspace, name).await? {
        Some(existing) if existing.trigger != submission.trigger => {
            return Err(Error::conflict(
                "trigger_immutable",
                format!("{name} has the trigger {:?}; delete it to create one with another", existing.trigger.name()),
            ));
        }
        Some(existing) => (services.catalog.save_draft(existing.id, &submission.description, draft, now).await?, false),
        None => {
            let new = NewIntegration {
                id: IntegrationId::new(now),
                workspace,
                name: name.to_owned(),
                description: submission.description,
                trigger: submission.trigger,
                draft,
                created: now,
            };
            (services.catalog.create(new).await?, true)
        }
    };
    services.directory.reload().await?;
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(concurrency: u32, overlap: &str, fine: bool) {
        let schedule = json!({ "every": "day", "at": "06:00", "overlap": overlap });
        let settings = json!({ "concurrency": concurrency, "schedule": schedule });
        let body = json!({ "trigger": "recurring", "files": { "integration.js": "" }, "settings": settings });
        match Submission::parse(body) {
            Ok(_) => assert!(fine, "{concurrency} {overlap}"),
            Err(Error::Invalid { field, .. }) => assert!(!fine && field == "settings.concurrency", "{field}"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn who_may_call_a_hook_is_said_and_others_have_none() {
        let check = |trigger: &str, settings: Value, expected: Option<(&str, &str)>| {
            let body = json!({ "trigger": trigger, "files": { "integration.js": "" }, "settings": settings });
            match (Submission::parse(body), expected) {
                (Ok(_), None) => {}
                (Err(Error::Invalid { field, code, .. }), Some((f, c))) => assert_eq!((field.as_str(), code), (f, c)),
                (parsed, _) => panic!("{trigger} {settings}: {parsed:?}"),
            }
        };
        let open = json!({ "http": { "auth": "none" } });
        check("http", open.clone(), None);
        check("http", json!({}), Some(("settings.http.auth", "missing_field")));
        check("http", json!({ "http": {} }), Some(("settings.http.auth", "missing_field")));
        check("experience", open, Some(("settings.http", "trigger_mismatch")));
    }

    #[test]
    fn ticks_in_turn_and_a_concurrency_contradict_each_other() {
        check(4, "queue", false);
        check(1, "queue", true);
        check(4, "skip", true);
        check(4, "allow", true);
    }
}
