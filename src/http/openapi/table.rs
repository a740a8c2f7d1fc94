//! Puts a route, its guard and its description together.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

use super::describe;
use crate::http::access::Access;
use crate::http::auth::guard;
use crate::http::state::State;

/// One route: what it asks of its caller, the query parameters it takes, its handler and its description.
struct Row {
    access: Access,
    queries: Arc<[String]>,
    route: UtoipaMethodRouter<State>,
}

/// The routes so far.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// A route more, with its access and its refusals in the description.
    #[must_use]
    pub fn on(mut self, access: Access, mut route: UtoipaMethodRouter<State>) -> Self {
        let queries = describe::complete(&mut route.1, access).into();
        self.0.push(Row { access, queries, route });
        self
    }

    /// The routes as they are served: each behind its guard.
    pub fn into_router(self, state: &State) -> Router<State> {
        let routes = self.0.into_iter().fold(OpenApiRouter::default(), |routes, Row { access, queries, route }| {
            let state = state.clone();
            routes.routes(route.map(|methods| {
                methods.route_layer(from_fn(move |request: Request, next: Next| {
                    guard(state.clone(), access, queries.clone(), request, next)
                }))
            }))
        });
        routes.into()
    }

    /// The description.
    pub fn into_openapi(self) -> OpenApi {
        let head = OpenApiRouter::<State>::with_openapi(describe::head());
        self.0.into_iter().fold(head, |routes, row| routes.routes(row.route)).into_openapi()
    }
}
