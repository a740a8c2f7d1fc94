//! Where a run's stack begins: engines go from thread to thread.

#![expect(unsafe_code, reason = "the wrapper of QuickJS has no call for this")]

use rquickjs::{Ctx, qjs};

/// Counts the depth of calls from here.
pub(super) fn begins_here(ctx: &Ctx<'_>) {
    // SAFETY: the context is alive as long as `ctx`, and so is its runtime; nothing of a script is on the stack.
    unsafe { qjs::JS_UpdateStackTop(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) }
}
