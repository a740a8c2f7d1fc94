//! Reading an expression: the only file that knows the `cel` crate. What the language has and we do not is refused
//! here, and so is every name that means nothing.

use std::thread;

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, MapExpr, SourceInfo, operators as op,
};
use cel::parser::{ParseErrors, Parser};
use regex::RegexBuilder;

use super::fault::Fault;
use super::functions::Function;
use super::syntax::{Comparison, Kind, Loop, Node, Operator};
use super::{MAX_DEPTH, MAX_EXPRESSION_BYTES};

/// The name of the only variable.
const EVENT: &str = "event";
/// How deep the crate's parser may go: above [`MAX_DEPTH`], as brackets are no parts of the tree.
const PARSER_DEPTH: u16 = 64;
/// The parser goes a level deeper for each bracket and each name after a dot; what it needs for the longest expression
/// is a fraction of this.
const STACK_BYTES: usize = 32 << 20;
/// The most bytes a compiled pattern may take.
const PATTERN_BYTES: usize = 256 << 10;

/// The most patterns of one expression.
const MAX_PATTERNS: usize = 8;

/// Reads an expression. It has a stack of its own for that, and what should go wrong in the parser ends there.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::whole(text, "is empty: write something such as event.user.email"));
    }
    if text.len() > MAX_EXPRESSION_BYTES {
        let message = format!("has {} bytes, and may have {MAX_EXPRESSION_BYTES}", text.len());
        return Err(Fault::whole(text, message));
    }
    let owned = text.to_owned();
    let reader = thread::Builder::new().name("expression".into()).stack_size(STACK_BYTES).spawn(move || read(&owned));
    let read = reader
        .map_err(|error| error.to_string())
        .and_then(|reader| reader.join().map_err(|_| "the parser gave up on it; write it in another way".to_owned()));
    read.unwrap_or_else(|message| Err(Fault::whole(text, format!("cannot be read: {message}"))))
}

fn read(text: &str) -> Result<Node, Fault> {
    let parser = Parser::new().max_recursion_depth(PARSER_DEPTH).error_recovery_limit(4);
    let (tree, info) = parser.parse_with_source_info(text).map_err(|errors| first(text, &errors))?;
    Reader { text, info, variables: Vec::new(), patterns: 0 }.node(&tree, 0)
}

/// The first error, in our words.
fn first(text: &str, errors: &ParseErrors) -> Fault {
    let Some(error) = errors.errors.iter().find(|error| error.pos.0 > 0).or(errors.errors.first()) else {
        return Fault::whole(text, "is no CEL expression");
    };
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let message = message.replace("<EOF>", "the end").replace('\n', " ");
    // Of what could stand there instead, the list of all that could is no help.
    let message = message.split(" expecting {").next().unwrap_or("").to_owned();
    let message: String = message.chars().take(200).collect();
    let at = |n: isize| usize::try_from(n).unwrap_or(1);
    Fault::at(text, (at(error.pos.0), at(error.pos.1)), format!("is no CEL expression: {message}"))
}

struct Reader<'a> {
    text: &'a str,
    info: SourceInfo,
    /// Of the loops around the place, the outermost first.
    variables: Vec<String>,
    /// How many patterns there were so far.
    patterns: usize,
}

impl Reader<'_> {
    fn fault(&self, at: &IdedExpr, message: impl Into<String>) -> Fault {
        let offset = self.info.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        Fault::at_byte(self.text, offset, message)
    }

    fn node(&mut self, tree: &IdedExpr, depth: usize) -> Result<Node, Fault> {
        if depth >= MAX_DEPTH {
            return Err(self.fault(tree, format!("nests more than {MAX_DEPTH} deep here")));
        }
        match &tree.expr {
            Expr::Literal(literal) => self.literal(tree, literal),
            Expr::Ident(name) => self.name(tree, name),
            Expr::Select(select) if select.test => {
                Ok(Node::Has(Box::new(self.node(&select.operand, depth + 1)?), select.field.as_str().into()))
            }
            Expr::Select(_) => self.select(tree, depth),
            Expr::Call(call) => self.call(tree, call, depth),
            Expr::List(list) => Ok(Node::List(self.nodes(&list.elements, depth)?.into())),
            Expr::Map(map) => self.map(tree, map, depth),
            Expr::Comprehension(inner) => self.comprehension(tree, inner, depth),
            Expr::Struct(_) => {
                Err(self.fault(tree, "makes a message of a type, which there are none of: leave the name out"))
            }
            Expr::Unspecified => Err(self.fault(tree, "is no CEL expression")),
        }
    }

    fn nodes(&mut self, trees: &[IdedExpr], depth: usize) -> Result<Vec<Node>, Fault> {
        trees.iter().map(|tree| self.node(tree, depth + 1)).collect()
    }

    fn literal(&self, tree: &IdedExpr, literal: &LiteralValue) -> Result<Node, Fault> {
        Ok(match literal {
            LiteralValue::Null => Node::Null,
            LiteralValue::Boolean(truth) => Node::Bool(*truth.inner()),
            LiteralValue::Int(number) => Node::Int(*number.inner()),
            LiteralValue::UInt(number) => match i64::try_from(*number.inner()) {
                Ok(number) => Node::Int(number),
                Err(_) => return Err(self.fault(tree, format!("is larger than {}", i64::MAX))),
            },
            LiteralValue::Double(number) => Node::Double(*number.inner()),
            LiteralValue::String(text) => Node::Text(text.inner().into()),
            LiteralValue::Bytes(_) => return Err(self.fault(tree, "is bytes, which JSON has none of: leave out the b")),
        })
    }

    fn name(&self, tree: &IdedExpr, name: &str) -> Result<Node, Fault> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if let Some(place) = self.variables.iter().rposition(|variable| variable == name) {
            return Ok(Node::Variable(place));
        }
        if name == EVENT {
            return Ok(Node::Path(Box::default()));
        }
        Err(self.fault(tree, format!("there is no variable {name:?}: the event is {EVENT}, as in {EVENT}.{name}")))
    }

    /// A chain of names, taken together where it begins with the event.
    fn select(&mut self, tree: &IdedExpr, depth: usize) -> Result<Node, Fault> {
        let (mut names, mut at) = (Vec::new(), tree);
        while let Expr::Select(select) = &at.expr
            && !select.test
        {
            names.push(Box::<str>::from(select.field.as_str()));
            at = &select.operand;
        }
        names.reverse();
        Ok(match self.node(at, depth + 1)? {
            Node::Path(start) => Node::Path(start.into_iter().chain(names).collect()),
            start => names.into_iter().fold(start, |of, name| Node::Select(Box::new(of), name)),
        })
    }

    fn map(&mut self, tree: &IdedExpr, map: &MapExpr, depth: usize) -> Result<Node, Fault> {
        let mut fields = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(self.fault(tree, "is no map"));
            };
            fields.push((self.node(&entry.key, depth + 1)?, self.node(&entry.value, depth + 1)?));
        }
        Ok(Node::Map(fields.into()))
    }

    fn call(&mut self, tree: &IdedExpr, call: &CallExpr, depth: usize) -> Result<Node, Fault> {
        let name = call.func_name.as_str();
        if call.target.is_none()
            && let Some(node) = self.operation(name, &call.args, depth)?
        {
            return Ok(node);
        }
        let method = call.target.is_some();
        let trees: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        if name == "matches" && trees.len() == 2 {
            let of = self.node(trees[0], depth + 1)?;
            return Ok(Node::Matches(Box::new(of), self.pattern(trees[1])?));
        }
        let loops = ["all", "exists", "exists_one", "existsOne", "map", "filter", "has"];
        if loops.contains(&name) {
            let right = match name {
                "has" => "has(event.user.email)".to_owned(),
                name => format!("event.items.{name}(item, item.price > 5)"),
            };
            return Err(self.fault(tree, format!("is not how {name} is called: write {right}")));
        }
        let function = Function::find(name, method, trees.len()).map_err(|message| self.fault(tree, message))?;
        let arguments = trees.into_iter().map(|it| self.node(it, depth + 1)).collect::<Result<Vec<_>, _>>()?;
        Ok(Node::Call(function, arguments.into()))
    }

    /// The operation that a call is; `None` if it is a function.
    fn operation(&mut self, name: &str, args: &[IdedExpr], depth: usize) -> Result<Option<Node>, Fault> {
        Ok(Some(match (name, args) {
            (op::LOGICAL_NOT, [of]) => Node::Not(Box::new(self.node(of, depth + 1)?)),
            (op::NEGATE, [of]) => Node::Negate(Box::new(self.node(of, depth + 1)?)),
            (op::CONDITIONAL, [of, one, other]) => Node::Conditional(Box::new([
                self.node(of, depth + 1)?,
                self.node(one, depth + 1)?,
                self.node(other, depth + 1)?,
            ])),
            (_, [one, other]) => {
                let Some(made) = of_two(name) else { return Ok(None) };
                made(Box::new([self.node(one, depth + 1)?, self.node(other, depth + 1)?]))
            }
            _ => return Ok(None),
        }))
    }

    /// A pattern stands in the expression itself: so it is compiled once, and nobody who sends events can choose it.
    fn pattern(&mut self, tree: &IdedExpr) -> Result<Box<regex::Regex>, Fault> {
        let Expr::Literal(LiteralValue::String(pattern)) = &tree.expr else {
            return Err(self.fault(tree, "must be a pattern in quotes"));
        };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(self.fault(tree, format!("is one pattern too many: an expression may have {MAX_PATTERNS}")));
        }
        let compiled =
            RegexBuilder::new(pattern.inner()).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
        compiled.map(Box::new).map_err(|error| {
            let lines = error.to_string();
            let message = lines.lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_owned();
            self.fault(tree, format!("is no regular expression: {message}"))
        })
    }

    /// The macros of the language, by the shape the crate gives them.
    fn comprehension(&mut self, tree: &IdedExpr, inner: &ComprehensionExpr, depth: usize) -> Result<Node, Fault> {
        let range = self.node(&inner.iter_range, depth + 1)?;
        let parts = parts(inner).ok_or_else(|| self.fault(tree, "is a loop of a kind that is not known here"))?;
        self.variables.push(inner.iter_var.clone());
        let condition = parts.condition.map(|it| self.node(it, depth + 1)).transpose();
        let made = parts.made.map(|it| self.node(it, depth + 1)).transpose();
        self.variables.pop();
        Ok(Node::Loop(Box::new(Loop { kind: parts.kind, range, condition: condition?, made: made? })))
    }
}

/// What makes a part of the tree of two others.
type Made = fn(Box<[Node; 2]>) -> Node;

/// The operation on two values that has this name.
fn of_two(name: &str) -> Option<Made> {
    Some(match name {
        op::LOGICAL_AND => Node::And,
        op::LOGICAL_OR => Node::Or,
        op::INDEX => Node::Index,
        op::EQUALS => |parts| Node::Compare(Comparison::Equal, parts),
        op::NOT_EQUALS => |parts| Node::Compare(Comparison::Different, parts),
        op::LESS => |parts| Node::Compare(Comparison::Less, parts),
        op::LESS_EQUALS => |parts| Node::Compare(Comparison::LessOrEqual, parts),
        op::GREATER => |parts| Node::Compare(Comparison::Greater, parts),
        op::GREATER_EQUALS => |parts| Node::Compare(Comparison::GreaterOrEqual, parts),
        op::IN => |parts| Node::Compare(Comparison::In, parts),
        op::ADD => |parts| Node::Compute(Operator::Add, parts),
        op::SUBSTRACT => |parts| Node::Compute(Operator::Subtract, parts),
        op::MULTIPLY => |parts| Node::Compute(Operator::Multiply, parts),
        op::DIVIDE => |parts| Node::Compute(Operator::Divide, parts),
        op::MODULO => |parts| Node::Compute(Operator::Remainder, parts),
        _ => return None,
    })
}

struct Parts<'a> {
    kind: Kind,
    condition: Option<&'a IdedExpr>,
    made: Option<&'a IdedExpr>,
}

/// Which macro made this loop, by what it begins with and what it does at each step.
fn parts(inner: &ComprehensionExpr) -> Option<Parts<'_>> {
    let Expr::Call(CallExpr { func_name, args, .. }) = &inner.loop_step.expr else { return None };
    let of = |kind, condition| Some(Parts { kind, condition: Some(condition), made: None });
    match (&inner.accu_init.expr, func_name.as_str(), args.as_slice()) {
        (Expr::Literal(LiteralValue::Boolean(_)), op::LOGICAL_AND, [_, condition]) => of(Kind::All, condition),
        (Expr::Literal(LiteralValue::Boolean(_)), op::LOGICAL_OR, [_, condition]) => of(Kind::Exists, condition),
        (Expr::Literal(LiteralValue::Int(_)), op::CONDITIONAL, [condition, _, _]) => of(Kind::ExistsOne, condition),
        (Expr::List(_), op::ADD, [_, added]) => {
            Some(Parts { kind: Kind::List, condition: None, made: Some(only(added)?) })
        }
        (Expr::List(_), op::CONDITIONAL, [condition, then, _]) => {
            let Expr::Call(CallExpr { args, .. }) = &then.expr else { return None };
            let [_, added] = args.as_slice() else { return None };
            Some(Parts { kind: Kind::List, condition: Some(condition), made: Some(only(added)?) })
        }
        _ => None,
    }
}

/// The only element of a list.
fn only(tree: &IdedExpr) -> Option<&IdedExpr> {
    match &tree.expr {
        Expr::List(list) if list.elements.len() == 1 => list.elements.first(),
        _ => None,
    }
}
