//! Lambdas that get an item's position, too: `list_transform(list, lambda x, i: x + i)`. The list becomes one of items with their positions; a lambda of two
//! parameters one of such a pair.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LambdaFunction, LambdaFunctionParameter,
    LambdaSyntax, OneOrManyWithParens, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use super::resolve::ast::{call, null, text};

/// How the parameter that holds an item and its position begins. Nobody calls a column so.
const PAIR: &str = "__item_and_position";

/// Functions that make a list of a lambda's results.
const TRANSFORM: [&str; 4] = ["list_transform", "array_transform", "list_apply", "apply"];

/// Functions that keep items for which a lambda says so.
const FILTER: [&str; 3] = ["list_filter", "array_filter", "filter"];

/// Writes such a call as one whose lambda has one parameter.
pub(crate) fn rewritten(expr: &mut Expr) {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = expr else { return };
    let function = name.to_string().to_ascii_lowercase();
    let is_of = |names: &[&str]| names.contains(&function.as_str());
    let filters = is_of(&FILTER);
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(items)), FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(lambda)))] =
        list.args.as_slice()
    else {
        return;
    };
    let OneOrManyWithParens::Many(parameters) = &lambda.params else { return };
    let ([item, position], true) = (parameters.as_slice(), filters || is_of(&TRANSFORM)) else { return };
    let mut body = lambda.body.as_ref().clone();
    // A lambda within has a pair of its own.
    let pair = Ident::new(format!("{PAIR}_{}", lambdas(&body)));
    let names = vec![(item.name.value.to_lowercase(), field(&pair, "1")), (position.name.value.to_lowercase(), field(&pair, "2"))];
    let _ = VisitMut::visit(&mut body, &mut Fields { names, hidden: Vec::new() });
    let of_pair = |body: Expr| {
        Expr::Lambda(LambdaFunction {
            params: OneOrManyWithParens::One(LambdaFunctionParameter { name: pair.clone(), data_type: None }),
            body: Box::new(body),
            syntax: LambdaSyntax::LambdaKeyword,
        })
    };
    let length = call("coalesce", vec![call("array_length", vec![items.clone()]), number("0")]);
    let pairs = call("arrays_zip", vec![items.clone(), call("generate_series", vec![number("1"), length])]);
    let mut result = match filters {
        false => call("array_transform", vec![pairs, of_pair(body)]),
        true => call("array_transform", vec![call("array_filter", vec![pairs, of_pair(body)]), of_pair(field(&pair, "1"))]),
    };
    // Positions of no list are none.
    result = Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: Expr::IsNull(Box::new(items.clone())), result: null() }],
        else_result: Some(Box::new(result)),
    };
    *expr = result;
}

fn field(pair: &Ident, name: &str) -> Expr {
    call("get_field", vec![Expr::Identifier(pair.clone()), text(name)])
}

/// How many lambdas an expression holds.
fn lambdas(expr: &Expr) -> usize {
    struct Count(usize);
    impl Visitor for Count {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            self.0 += usize::from(matches!(expr, Expr::Lambda(_)));
            ControlFlow::Continue(())
        }
    }
    let mut count = Count(0);
    let _ = Visit::visit(expr, &mut count);
    count.0
}

fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).into())
}

/// Puts the pair's fields in place of the parameters, but where a lambda within has one of the name.
struct Fields {
    names: Vec<(String, Expr)>,
    hidden: Vec<Vec<String>>,
}

impl VisitorMut for Fields {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Lambda(lambda) = expr {
            self.hidden.push(lambda.params.iter().map(|parameter| parameter.name.value.to_lowercase()).collect());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Lambda(_) => {
                self.hidden.pop();
            }
            Expr::Identifier(ident) => {
                let name = ident.value.to_lowercase();
                if !self.hidden.iter().flatten().any(|hidden| *hidden == name)
                    && let Some((_, of_pair)) = self.names.iter().find(|(parameter, _)| *parameter == name)
                {
                    *expr = of_pair.clone();
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
