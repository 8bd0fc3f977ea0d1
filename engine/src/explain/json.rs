//! A tree of steps as JSON.

use super::Run;
use super::node::Node;

/// The tree; with what the run took, if there was one.
pub(super) fn text(tree: &Node, run: Option<Run>) -> String {
    let mut out = String::new();
    match run {
        Some(run) => {
            out.push_str(&format!("{{\"elapsed_ms\": {}, \"rows\": {}, \"plan\":\n", milliseconds(run.elapsed), run.rows));
            write(tree, 1, &mut out);
            out.push_str("\n}");
        }
        None => write(tree, 0, &mut out),
    }
    out
}

fn write(node: &Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let mut fields = vec![("step", string(&node.title))];
    fields.extend(node.details.iter().map(|(name, text)| (*name, string(text))));
    fields.extend(node.estimated_rows.map(|rows| ("estimated_rows", rows.to_string())));
    if let Some(figures) = node.figures {
        fields.push(("rows_out", figures.rows.to_string()));
        fields.push(("time_ms", milliseconds(figures.time)));
        if figures.spills > 0 {
            fields.push(("spilled_bytes", figures.spilled_bytes.to_string()));
        }
    }
    out.push_str(&format!("{indent}{{"));
    for (at, (name, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        out.push_str(&format!("{comma}{}: {value}", string(name)));
    }
    if !node.inputs.is_empty() {
        out.push_str(", \"inputs\": [\n");
        for (at, input) in node.inputs.iter().enumerate() {
            if at > 0 {
                out.push_str(",\n");
            }
            write(input, depth + 1, out);
        }
        out.push_str(&format!("\n{indent}]"));
    }
    out.push('}');
}

fn milliseconds(duration: std::time::Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1e3)
}

/// A text in JSON's quotes.
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
