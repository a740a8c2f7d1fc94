//! Bytecode: text is compiled once in a process, and every fresh context loads what came of it.
//!
//! QuickJS trusts bytecode as a processor trusts machine code. So there is no way to make a [`Script`] or a
//! [`Declaration`] but to compile it here: nothing that came from outside, not even from the engine, is ever loaded.

#![expect(unsafe_code, reason = "QuickJS reads bytecode from raw memory, and its wrapper has no call for scripts")]

use std::ffi::CString;

use rquickjs::module::Declared;
use rquickjs::{Context, Ctx, Error, FromJs, Module, Result, Runtime, Value, WriteOptions, qjs};

/// A compiled script.
pub(crate) struct Script(Vec<u8>);

/// A compiled ES module.
pub(crate) struct Declaration(Vec<u8>);

/// How a script is compiled.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// As if it began with `'use strict'`.
    pub strict: bool,
    /// Whether its functions know their text (`toString`).
    pub text: bool,
}

impl Script {
    /// Compiles a script without running it; `file` is its name in stacks.
    pub fn compile(ctx: &Ctx<'_>, file: &str, source: &str, style: Style) -> Result<Self> {
        let (file, source) = (CString::new(file)?, CString::new(source)?);
        let strict = if style.strict { qjs::JS_EVAL_FLAG_STRICT } else { 0 };
        let flags = i32::try_from(qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY | strict);
        let strip = if style.text { 0 } else { qjs::JS_WRITE_OBJ_STRIP_SOURCE };
        let written = i32::try_from(qjs::JS_WRITE_OBJ_BYTECODE | strip);
        let (Ok(flags), Ok(written)) = (flags, written) else {
            return Err(Error::Unknown);
        };
        let raw = ctx.as_raw().as_ptr();
        let length = source.as_bytes().len();
        // SAFETY: the context is alive as long as `ctx`; both texts end with a zero byte that `length` does not count.
        let function = unsafe { qjs::JS_Eval(raw, source.as_ptr(), length as _, file.as_ptr(), flags) };
        // SAFETY: the value is this context's, and nobody else owns it.
        let function = unsafe { Value::from_raw(ctx.clone(), function) };
        if is_exception(&function) {
            return Err(Error::Exception);
        }
        let mut size = 0;
        // SAFETY: the value lives until the end of this function; what is written stays this context's memory.
        let bytes = unsafe { qjs::JS_WriteObject(raw, &raw mut size, function.as_raw(), written) };
        if bytes.is_null() {
            return Err(Error::Exception);
        }
        // SAFETY: QuickJS wrote `size` bytes there, which nobody changes meanwhile.
        let script = Self(unsafe { std::slice::from_raw_parts(bytes, size as usize) }.to_vec());
        // SAFETY: the memory came from this context, and is not used any more.
        unsafe { qjs::js_free(raw, bytes.cast()) };
        Ok(script)
    }

    /// Compiles in a runtime of its own, which no script of a user can have touched or filled.
    pub fn compile_apart(file: &str, source: &str, style: Style) -> Result<Self> {
        let context = Context::full(&Runtime::new()?)?;
        context.with(|ctx| Self::compile(&ctx, file, source, style))
    }

    /// Runs it in a context; gives the value of its last expression.
    pub fn run<'js, V: FromJs<'js>>(&self, ctx: &Ctx<'js>) -> Result<V> {
        let raw = ctx.as_raw().as_ptr();
        // SAFETY: the context is alive as long as `ctx`, and the bytes were written by `compile`, in this process.
        let function = unsafe { qjs::JS_ReadObject(raw, self.0.as_ptr(), self.0.len() as _, READ) };
        // SAFETY: reads a tag only.
        if unsafe { qjs::JS_IsException(function) } {
            return Err(Error::Exception);
        }
        // SAFETY: a function of this context, which the call takes over; what it gives back is ours.
        let value = unsafe { Value::from_raw(ctx.clone(), qjs::JS_EvalFunction(raw, function)) };
        if is_exception(&value) { Err(Error::Exception) } else { V::from_js(ctx, value) }
    }
}

const READ: i32 = qjs::JS_READ_OBJ_BYTECODE as i32;

fn is_exception(value: &Value<'_>) -> bool {
    // SAFETY: reads a tag only.
    unsafe { qjs::JS_IsException(value.as_raw()) }
}

impl Declaration {
    /// Compiles a module without running it.
    pub fn compile(ctx: &Ctx<'_>, file: &str, source: &str) -> Result<Self> {
        let module = Module::declare(ctx.clone(), file, source)?;
        Ok(Self(module.write(WriteOptions::default())?))
    }

    /// Declares it in a context.
    pub fn declare<'js>(&self, ctx: &Ctx<'js>) -> Result<Module<'js, Declared>> {
        // SAFETY: the bytes were written by `compile`, in this process.
        unsafe { Module::load(ctx.clone(), &self.0) }
    }
}
