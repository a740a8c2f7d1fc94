//! `import` of builtin modules: an ES module around what `require` gives.

use std::cell::OnceCell;
use std::rc::Weak;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Exception, Function, Module, Object, Persistent, Result, Value};

use crate::builtins::{TESTING, node_builtin};
use crate::compile::missing_module;

/// The prelude's `require`; whoever holds it lets go before the runtime ends.
pub(super) type Require = OnceCell<Persistent<Function<'static>>>;

/// Resolves and loads builtins, and nothing else: a draft is one file.
#[derive(Clone)]
pub(super) struct Builtins(pub Weak<Require>);

impl Resolver for Builtins {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if name == TESTING {
            return Ok(name.to_owned());
        }
        if node_builtin(name).is_none() {
            return Err(Exception::throw_reference(ctx, &missing_module(name, base)));
        }
        Ok(format!("node:{}", name.strip_prefix("node:").unwrap_or(name)))
    }
}

impl Loader for Builtins {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let require = self.0.upgrade().and_then(|require| require.get().cloned());
        let Some(require) = require else {
            return Err(Exception::throw_reference(ctx, name));
        };
        let exports: Value<'js> = require.restore(ctx)?.call((name,))?;
        let names = exports.as_object().map(names).transpose()?.unwrap_or_default();
        let module = Module::declare(ctx.clone(), name, source(&names))?;
        module.meta()?.set("exports", exports)?;
        Ok(module)
    }
}

/// The properties that can be exported by name.
fn names(exports: &Object<'_>) -> Result<Vec<String>> {
    let mut names = exports.keys::<String>().collect::<Result<Vec<_>>>()?;
    names.retain(|name| name != "default" && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    names.retain(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    Ok(names)
}

/// A getter of the module may be costly or throw: each name is read once, and what throws is undefined.
fn source(names: &[String]) -> String {
    let mut text = "const exports = import.meta.exports; export default exports;\n\
                    const read = (name) => { try { return exports[name]; } catch { return undefined; } };\n"
        .to_owned();
    for (index, name) in names.iter().enumerate() {
        text.push_str(&format!("const _{index} = read('{name}'); export {{ _{index} as {name} }};\n"));
    }
    text
}
