//! The prompt, on a terminal that Python makes. Skipped where there is no Python.

use std::process::{Command, Stdio};

use crate::support::Folder;

/// Starts the program on a terminal, types lines, one after each prompt, and writes what appears. What stands before a byte 2 in a line is awaited
/// in place of the prompt.
const DRIVER: &str = r#"
import os, pty, re, select, sys, time
program, history, typed = sys.argv[1], sys.argv[2], sys.argv[3].encode().decode('unicode_escape').encode('latin-1').split(b'\x00')
pid, terminal = pty.fork()
if pid == 0:
    os.environ['CLOUDDB_HISTORY'] = history
    os.environ['TERM'] = 'xterm'
    # With colours, the prompt is drawn again at each letter, and could not be waited for.
    os.environ['NO_COLOR'] = '1'
    os.environ['HOME'] = os.path.dirname(history)
    os.execv(program, [program])
seen, from_here, deadline = b'', 0, time.time() + 120
for line in typed + [None]:
    awaited, _, text = (line or b'').rpartition(b'\x02')
    # A prompt at which nothing is typed yet: the cursor goes behind it.
    while line is None or not re.search(re.escape(awaited) if awaited else b'> \r\x1b\\[[0-9]+C', seen[from_here:]):
        if time.time() > deadline:
            sys.exit('nothing more came: %r' % seen)
        if select.select([terminal], [], [], 1)[0]:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:
                chunk = b''
            if not chunk:
                break
            seen += chunk
    if line is None:
        break
    from_here = len(seen)
    os.write(terminal, text)
sys.stdout.buffer.write(seen)
_, status = os.waitpid(pid, 0)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 99)
"#;

/// What appears on the terminal when this is typed; `None` without Python.
fn type_in(history: &str, typed: &[&str]) -> Option<(i32, String)> {
    let has_python = Command::new("python3").args(["-c", "import pty"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !has_python.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no python3");
        return None;
    }
    let output =
        Command::new("python3").args(["-c", DRIVER, env!("CARGO_BIN_EXE_clouddb"), history, &typed.join("\\x00")]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Some((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn statements_over_lines_errors_and_the_end() {
    let folder = Folder::new();
    let history = folder.path("history");
    let typed = [
        "CREATE TABLE t (a INTEGER);\\r",
        // Both lines are edited as one statement.
        "INSERT INTO t VALUES (20),\\r(22);\\r",
        "SELECT sum(a) AS total FROM t;\\r",
        // What stands behind an error is run.
        "SELECT * FROM missing; SELECT 40 + 3 AS behind;\\r",
        "COPY t FROM STDIN;\\r",
        "'5\\r",
        "\\x03",
        "COPY t FROM STDIN;\\r",
        "50\\r",
        "\\\\.\\r",
        "SELECT sum(a) AS more FROM t;\\r",
        ".tables\\r",
        "SELECT 'forgotten\\r",
        "forgotten\\r\\n\\x02\\x03",
        "SELECT 40 + 4 AS after;\\r",
        ".quit\\r",
    ];
    let Some((status, seen)) = type_in(&history, &typed) else { return };
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains("│    42 │") || seen.contains("42 │"), "{seen}");
    assert!(seen.contains("2 rows"), "{seen}");
    assert!(seen.contains("error (not found)"), "{seen}");
    assert!(seen.contains("43 │"), "{seen}");
    assert!(seen.contains("92 │"), "{seen}");
    assert!(seen.contains("44 │"), "after an error and Ctrl-C it goes on: {seen}");
    let kept = std::fs::read_to_string(&history).unwrap();
    assert!(kept.contains("SELECT sum(a) AS total FROM t;") && kept.contains("INSERT INTO t VALUES (20),"), "{kept}");
}

#[test]
fn ctrl_c_cancels_a_statement_and_ctrl_d_ends() {
    let folder = Folder::new();
    // Ctrl-C is pressed once rows of a result without end appear.
    let typed = [
        ".mode csv\\r",
        "SELECT value FROM range(0, 900000000000) AS r(value);\\r",
        "\\n2000\\r\\x02\\x03",
        "SELECT 40 + 4 AS after;\\r",
        "\\x04",
    ];
    let Some((status, seen)) = type_in(&folder.path("history"), &typed) else { return };
    let end = seen.rsplit("2000").next().unwrap_or_default();
    assert_eq!(status, 0, "{end}");
    assert!(seen.contains("error: interrupted") && seen.contains("after\r\n44\r\n"), "{end}");
}

#[test]
fn commands_are_completed_secrets_forgotten_and_two_ctrl_c_leave() {
    let folder = Folder::new();
    let history = folder.path("history");
    folder.file(".clouddbrc", ".print read at the start\n.mode csv\n");
    let typed = [
        " SELECT 'secret' AS s;\\r",
        ".tab\\t\\r",
        "SELECT 1 AS one \\\\gx\\r",
        "begin;\\r",
        "SELECT 2 AS two;\\r",
        "rollback;\\r",
        // Ctrl-C at a line that is not empty only forgets it.
        "SELECT 3\\x03",
        "\\x03",
        "\\x03",
    ];
    let Some((status, seen)) = type_in(&history, &typed) else { return };
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains("read at the start") && seen.contains("s\r\nsecret\r\n"), "{seen}");
    assert!(seen.contains("table_schema,table_name,table_type"), "{seen}");
    assert!(seen.contains("one = 1") && seen.contains("clouddb*> "), "{seen}");
    let kept = std::fs::read_to_string(&history).unwrap();
    assert!(kept.contains(".tables") && !kept.contains("secret"), "{kept}");
}
