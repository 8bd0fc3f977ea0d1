//! `struct_pack(a := 1)`, `row(a := 1)` and `struct_insert(s, a := 1)`, `struct_update(s, a := 1)`: structs whose fields are named by their arguments.

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments};

use super::resolve::ast::{call, take, text};

/// What such a call means; none for other calls.
pub(crate) fn with_named_fields(function: &mut Function) -> Option<Expr> {
    let name = function.name.to_string().to_lowercase();
    let behind = match name.as_str() {
        "struct_pack" | "row" => 0,
        "struct_insert" | "struct_update" => 1,
        _ => return None,
    };
    let FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }) = &mut function.args else {
        return None;
    };
    if !clauses.is_empty() || args.len() <= behind || !args[behind..].iter().all(|argument| field(argument).is_some()) {
        return None;
    }
    let (first, fields) = args.split_at_mut(behind);
    let fields = fields.iter_mut().filter_map(|argument| match argument {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), operator: _ } => Some([text(&name.value), take(value)]),
        _ => None,
    });
    let made = call("named_struct", fields.flatten().collect());
    match first {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(before))] => {
            let function = if name == "struct_update" { "struct_update" } else { "struct_concat" };
            Some(call(function, vec![take(before), made]))
        }
        [] => Some(made),
        _ => None,
    }
}

fn field(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Named { name: _, arg: FunctionArgExpr::Expr(value), operator: _ } => Some(value),
        FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } | FunctionArg::Unnamed(_) => None,
    }
}
