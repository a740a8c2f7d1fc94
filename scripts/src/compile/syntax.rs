//! JavaScript and TypeScript: syntax errors with their place, the module format, types away.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::{AssignmentTarget, Expression, Program, Statement};
use oxc::codegen::{Codegen, CodegenOptions};
use oxc::diagnostics::{Diagnostics, OxcDiagnostic};
use oxc::parser::{ParseOptions, Parser, ParserReturn};
use oxc::semantic::{Scoping, SemanticBuilder};
use oxc::span::{SourceType, Span};
use oxc::transformer::{TransformOptions, Transformer};

use crate::builtins::{TESTING, node_builtin};
use crate::place;
use crate::protocol::{Format, Place, ScriptError};

/// A checked entry.
pub(super) struct Parsed {
    pub format: Format,
    pub code: String,
    pub map: Option<String>,
    pub export: Option<Place>,
}

/// Checks the syntax of an entry, and compiles it if it is TypeScript; JavaScript stays as it was written.
pub(super) fn compile(file: &str, text: &str, typescript: bool) -> Result<Parsed, ScriptError> {
    if let Some(offset) = text.find('\0') {
        return Err(syntax_error(file, text, "The code contains a NUL character; remove it", Some(offset)));
    }
    let allocator = Allocator::default();
    let mut parsed = parse(&allocator, text, typescript);
    let scoping = check(file, text, &mut parsed)?;
    let format = format_of(&parsed);
    let export = export(&parsed.program).map(|span| place::at_offset(file, text, span.start as usize));
    if !typescript {
        imports(file, text, &parsed)?;
        return Ok(Parsed { format, code: text.to_owned(), map: None, export });
    }
    let (code, map) = without_types(&allocator, file, text, parsed.program, scoping)?;
    super::entry::check_size(file, &code)?;
    let compiled = Allocator::default();
    imports(file, text, &parse(&compiled, &code, false))?;
    Ok(Parsed { format, code, map: Some(map), export })
}

/// Where an entry exports something, as far as it can be parsed.
pub(super) fn place_of_export(file: &str, text: &str) -> Option<Place> {
    let allocator = Allocator::default();
    let parsed = parse(&allocator, text, file.ends_with(".ts"));
    export(&parsed.program).map(|span| place::at_offset(file, text, span.start as usize))
}

fn parse<'a>(allocator: &'a Allocator, text: &'a str, typescript: bool) -> ParserReturn<'a> {
    let source_type = if typescript { SourceType::ts() } else { SourceType::unambiguous() };
    let options = ParseOptions { parse_regular_expression: true, ..ParseOptions::default() };
    let first = Parser::new(allocator, text, source_type.with_unambiguous(true)).with_options(options).parse();
    if first.module_record.has_module_syntax {
        return first;
    }
    // Without import or export it is CommonJS: `return`, `await` as a name and sloppy mode are as Node has them.
    let options = ParseOptions { allow_return_outside_function: true, ..options };
    Parser::new(allocator, text, source_type.with_commonjs(true)).with_options(options).parse()
}

/// Early errors; the scopes are what the transformer needs.
fn check(file: &str, text: &str, parsed: &mut ParserReturn<'_>) -> Result<Scoping, ScriptError> {
    first_error(file, text, &parsed.diagnostics)?;
    if parsed.panicked {
        return Err(syntax_error(file, text, "The code cannot be parsed", None));
    }
    let checked = SemanticBuilder::new().with_check_syntax_error(true).with_enum_eval(true).build(&parsed.program);
    first_error(file, text, &checked.diagnostics)?;
    Ok(checked.semantic.into_scoping())
}

fn format_of(parsed: &ParserReturn<'_>) -> Format {
    if parsed.module_record.has_module_syntax { Format::Module } else { Format::CommonJs }
}

fn without_types<'a>(
    allocator: &'a Allocator,
    file: &str,
    text: &'a str,
    mut program: Program<'a>,
    scoping: Scoping,
) -> Result<(String, String), ScriptError> {
    let path = Path::new(file);
    let transformed =
        Transformer::new(allocator, path, &TransformOptions::default()).build_with_scoping(scoping, &mut program);
    first_error(file, text, &transformed.diagnostics)?;
    let options = CodegenOptions { source_map_path: Some(path.to_path_buf()), ..CodegenOptions::default() };
    let printed = Codegen::new().with_options(options).with_source_text(text).build(&program);
    let map = printed.map.map(|map| map.to_json_string()).unwrap_or_default();
    Ok((printed.code, map))
}

/// Only builtin modules can be imported; what else remains in the compiled code would fail without a place.
fn imports(file: &str, text: &str, parsed: &ParserReturn<'_>) -> Result<(), ScriptError> {
    let requested = &parsed.module_record.requested_modules;
    let first = requested
        .iter()
        .filter(|(name, _)| node_builtin(name).is_none() && !(*name == TESTING && file.contains(".test.")))
        .filter_map(|(name, uses)| uses.iter().find(|one| !one.is_type).map(|one| (name.as_str(), one.statement_span)))
        .min_by_key(|(_, span)| span.start);
    let Some((name, _)) = first else {
        return Ok(());
    };
    // The name as it stands in what the user wrote, whatever the compiler did around it.
    let offset = [format!("'{name}'"), format!("\"{name}\"")].iter().filter_map(|quoted| text.find(quoted)).min();
    let message = missing_module(name, file);
    Err(ScriptError::new("module_not_found", "Error", message)
        .at(offset.map(|offset| place::at_offset(file, text, offset))))
}

/// The sentence about a module that cannot be had.
pub(crate) fn missing_module(name: &str, file: &str) -> String {
    let why = if name.starts_with('.') || name.starts_with('/') {
        "a draft is one file, and other files cannot be loaded"
    } else {
        "it is no builtin module of Node; name the package in the dependencies of package.json"
    };
    format!("Cannot find module '{name}', required by {file}: {why}")
}

// ---- where the export is

fn export(program: &Program<'_>) -> Option<Span> {
    program.body.iter().rev().find_map(|statement| match statement {
        Statement::ExportDefaultDeclaration(found) => Some(found.span),
        Statement::ExportDeclaration(found) => Some(found.span),
        Statement::ExportNamedDeclaration(found) => Some(found.span),
        Statement::ExportFromDeclaration(found) => Some(found.span),
        Statement::ExportAllDeclaration(found) => Some(found.span),
        Statement::TSExportAssignment(found) => Some(found.span),
        Statement::ExpressionStatement(found) => match &found.expression {
            Expression::AssignmentExpression(assignment) if exports(&assignment.left) => Some(assignment.span),
            _ => None,
        },
        _ => None,
    })
}

/// Whether an assignment's target is `module.exports`, `exports.x` or a part of them.
fn exports(target: &AssignmentTarget<'_>) -> bool {
    let AssignmentTarget::StaticMemberExpression(member) = target else {
        return false;
    };
    match &member.object {
        Expression::Identifier(name) => {
            name.name == "exports" || (name.name == "module" && member.property.name == "exports")
        }
        Expression::StaticMemberExpression(inner) => {
            matches!(&inner.object, Expression::Identifier(name) if name.name == "module")
                && inner.property.name == "exports"
        }
        _ => false,
    }
}

// ---- diagnostics

fn first_error(file: &str, text: &str, diagnostics: &Diagnostics) -> Result<(), ScriptError> {
    match diagnostics.errors().next() {
        None => Ok(()),
        Some(found) => Err(syntax_error(file, text, &sentence(found), offset(found))),
    }
}

fn sentence(found: &OxcDiagnostic) -> String {
    match &found.help {
        Some(help) => format!("{} ({help})", found.message),
        None => found.message.to_string(),
    }
}

fn offset(found: &OxcDiagnostic) -> Option<usize> {
    found.labels.first().map(|label| label.offset() as usize)
}

fn syntax_error(file: &str, text: &str, message: &str, offset: Option<usize>) -> ScriptError {
    let place = offset.map(|offset| place::at_offset(file, text, offset));
    ScriptError::new("syntax_error", "SyntaxError", message).at(place)
}
