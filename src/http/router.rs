//! The route table: every route, its handler, and what it asks of its caller.

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use utoipa_axum::routes;

use super::access::{ADMIN, Access, CALL, DEPLOY, INVOKE, PUBLIC, READ};
use super::edge;
use super::error::Problem;
use super::openapi::Table;
use super::routes::{
    api_keys, bulk, dead, event_replays, events, explain, home, hooks, integrations, invoke, jobs, limiters, limits,
    preview, probes, releases, runs, schedule, schedules, secrets,
};
use super::state::State;

/// Every route there is. A handler gets in only together with its access, and `on` puts the guard in front of it.
#[rustfmt::skip]
pub fn table() -> Table {
    Table::default()
        // run integrations
        .on(CALL,   routes!(invoke::execute))              // POST   /v1/integrations/{name}/execute
        .on(CALL,   routes!(invoke::schedule))             // POST   /v1/integrations/{name}/schedule
        .on(CALL,   routes!(invoke::reschedule))           // POST   /v1/integrations/{name}/reschedule
        .on(CALL,   routes!(invoke::cancel))               // POST   /v1/integrations/{name}/cancel
        // events
        .on(INVOKE, routes!(events::publish))              // POST   /v1/events
        .on(READ,   routes!(events::list))                 // GET    /v1/events
        .on(READ,   routes!(events::follow))               // GET    /v1/events/stream
        .on(READ,   routes!(events::show))                 // GET    /v1/events/{event}
        .on(INVOKE, routes!(event_replays::start))         // POST   /v1/events/replay
        .on(READ,   routes!(event_replays::list))          // GET    /v1/events/replays
        .on(READ,   routes!(event_replays::show))          // GET    /v1/events/replays/{id}
        .on(INVOKE, routes!(event_replays::stop))          // POST   /v1/events/replays/{id}/stop
        // hooks of HTTP triggers: their settings say who may call, and by which methods
        .on(PUBLIC, hooks::described())                    // ANY    /hooks/{workspace}/{name}
        // integrations
        .on(READ,   routes!(integrations::list))           // GET    /v1/integrations
        .on(READ,   routes!(integrations::show))           // GET    /v1/integrations/{name}
        .on(DEPLOY, routes!(integrations::save))           // PUT    /v1/integrations/{name}
        .on(DEPLOY, routes!(integrations::remove))         // DELETE /v1/integrations/{name}
        .on(DEPLOY, routes!(integrations::pause))          // POST   /v1/integrations/{name}/pause
        .on(DEPLOY, routes!(integrations::resume))         // POST   /v1/integrations/{name}/resume
        .on(DEPLOY, routes!(preview::preview))             // POST   /v1/integrations/{name}/preview
        .on(READ,   routes!(schedule::next))               // GET    /v1/integrations/{name}/schedule/next
        // schedules
        .on(READ,   routes!(schedules::list))              // GET    /v1/integrations/{name}/schedules
        .on(READ,   routes!(schedules::show))              // GET    /v1/integrations/{name}/schedules/{schedule}
        .on(INVOKE, routes!(schedules::put))               // PUT    /v1/integrations/{name}/schedules/{schedule}
        .on(INVOKE, routes!(schedules::remove))            // DELETE /v1/integrations/{name}/schedules/{schedule}
        .on(INVOKE, routes!(schedules::pause))             // POST   /v1/integrations/{name}/schedules/{schedule}/pause
        .on(INVOKE, routes!(schedules::resume))            // POST   /v1/integrations/{name}/schedules/{schedule}/resume
        .on(INVOKE, routes!(schedules::run))               // POST   /v1/integrations/{name}/schedules/{schedule}/run
        .on(INVOKE, routes!(schedules::backfill))          // POST   /v1/integrations/{name}/schedules/{schedule}/backfill
        .on(READ,   routes!(schedules::backfills))         // GET    /v1/integrations/{name}/schedules/{schedule}/backfills
        .on(INVOKE, routes!(schedules::stop_backfill))     // DELETE /v1/integrations/{name}/schedules/{schedule}/backfills/{backfill}
        .on(READ,   routes!(schedules::ticks))             // GET    /v1/integrations/{name}/schedules/{schedule}/ticks
        .on(READ,   routes!(schedules::next))              // GET    /v1/integrations/{name}/schedules/{schedule}/next
        .on(READ,   routes!(schedules::verify))            // GET    /v1/integrations/{name}/schedules/{schedule}/verify
        // releases
        .on(READ,   routes!(releases::list))               // GET    /v1/integrations/{name}/releases
        .on(DEPLOY, routes!(releases::create))             // POST   /v1/integrations/{name}/releases
        .on(DEPLOY, routes!(releases::rollback))           // POST   /v1/integrations/{name}/rollback
        // jobs
        .on(READ,   routes!(jobs::list))                   // GET    /v1/jobs
        .on(READ,   routes!(jobs::show))                   // GET    /v1/jobs/{id}
        .on(INVOKE, routes!(jobs::remove))                 // DELETE /v1/jobs/{id}
        .on(INVOKE, routes!(jobs::replay))                 // POST   /v1/jobs/{id}/replay
        .on(INVOKE, routes!(jobs::reschedule))             // POST   /v1/jobs/{id}/reschedule
        .on(READ,   routes!(dead::list))                   // GET    /v1/dead
        .on(READ,   routes!(dead::show))                   // GET    /v1/dead/{fingerprint}
        // many jobs
        .on(INVOKE, routes!(bulk::start))                  // POST   /v1/bulk
        .on(READ,   routes!(bulk::list))                   // GET    /v1/bulk
        .on(READ,   routes!(bulk::show))                   // GET    /v1/bulk/{id}
        .on(INVOKE, routes!(bulk::stop))                   // POST   /v1/bulk/{id}/stop
        .on(INVOKE, routes!(bulk::undo))                   // POST   /v1/bulk/{id}/undo
        .on(READ,   routes!(explain::job))                 // GET    /v1/jobs/{id}/explain
        .on(READ,   routes!(explain::key))                 // GET    /v1/integrations/{name}/explain
        // rate limits
        .on(READ,   routes!(limits::list))                 // GET    /v1/integrations/{name}/limits
        .on(READ,   routes!(limits::keys))                 // GET    /v1/integrations/{name}/limits/{rule}/keys
        .on(READ,   routes!(limits::key))                  // GET    /v1/integrations/{name}/limits/{rule}/key
        .on(DEPLOY, routes!(limits::pause))                // POST   /v1/integrations/{name}/limits/{rule}/keys/pause
        .on(DEPLOY, routes!(limits::resume))               // POST   /v1/integrations/{name}/limits/{rule}/keys/resume
        .on(DEPLOY, routes!(limits::reset))                // POST   /v1/integrations/{name}/limits/{rule}/keys/reset
        .on(READ,   routes!(limiters::list))               // GET    /v1/limiters
        .on(READ,   routes!(limiters::show))               // GET    /v1/limiters/{limiter}
        .on(ADMIN,  routes!(limiters::put))                // PUT    /v1/limiters/{limiter}
        .on(ADMIN,  routes!(limiters::remove))             // DELETE /v1/limiters/{limiter}
        // runs
        .on(READ,   routes!(runs::list))                   // GET    /v1/runs
        .on(READ,   routes!(runs::follow_all))             // GET    /v1/runs/stream
        .on(READ,   routes!(runs::show))                   // GET    /v1/runs/{id}
        .on(READ,   routes!(runs::follow))                 // GET    /v1/runs/{id}/stream
        // secrets
        .on(DEPLOY, routes!(secrets::list))                // GET    /v1/integrations/{name}/secrets
        .on(DEPLOY, routes!(secrets::set))                 // PUT    /v1/integrations/{name}/secrets/{secret}
        .on(DEPLOY, routes!(secrets::remove))              // DELETE /v1/integrations/{name}/secrets/{secret}
        .on(ADMIN,  routes!(secrets::list_shared))         // GET    /v1/secrets
        .on(ADMIN,  routes!(secrets::set_shared))          // PUT    /v1/secrets/{secret}
        .on(ADMIN,  routes!(secrets::remove_shared))       // DELETE /v1/secrets/{secret}
        // API keys
        .on(ADMIN,  routes!(api_keys::list))               // GET    /v1/api-keys
        .on(ADMIN,  routes!(api_keys::create))             // POST   /v1/api-keys
        .on(ADMIN,  routes!(api_keys::revoke))             // DELETE /v1/api-keys/{id}
        // probes and people
        .on(PUBLIC, routes!(home::home))                   // GET    /
        .on(PUBLIC, routes!(probes::livez))                // GET    /livez
        .on(PUBLIC, routes!(probes::readyz))               // GET    /readyz
        .on(Access::Metrics, routes!(probes::metrics))     // GET    /metrics
        .on(PUBLIC, routes!(probes::describe))             // GET    /v1/openapi.json
}

/// The whole HTTP plane.
pub fn router(state: State) -> Router {
    let routes = table().into_router(&state);
    // What follows the name is the handler's affair.
    let routes = routes.route("/hooks/{workspace}/{name}/", any(hooks::receive));
    let routes = routes.route("/hooks/{workspace}/{name}/{*rest}", any(hooks::receive));
    let routes = routes.fallback(no_route).method_not_allowed_fallback(no_method).with_state(state.clone());
    edge::wrap(routes, state)
}

async fn no_route(request: Request) -> Problem {
    Problem::no_route(request.uri().path())
}

async fn no_method(request: Request) -> Problem {
    Problem::method_not_allowed(request.method().as_str())
}
