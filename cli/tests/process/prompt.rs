//! The prompt, on a terminal that Python makes. Skipped where there is no Python.

use std::process::{Command, Stdio};

use crate::support::Folder;

/// Starts the program on a terminal, types lines, one after each prompt, and writes what appears.
const DRIVER: &str = r#"
import os, pty, select, sys, time
program, history, typed = sys.argv[1], sys.argv[2], sys.argv[3].encode().decode('unicode_escape').encode('latin-1').split(b'\x00')
pid, terminal = pty.fork()
if pid == 0:
    os.environ['CLOUDDB_HISTORY'] = history
    os.environ['TERM'] = 'xterm'
    os.execv(program, [program])
seen, from_here, deadline = b'', 0, time.time() + 120
for text in typed + [None]:
    while text is None or (b'> ' not in seen[from_here:] and not text.startswith(b'~')):
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
    if text is None:
        break
    from_here = len(seen)
    while text.startswith(b'~'):
        # Pressed until it has an effect, as nothing tells when a statement has begun; not quickly, as a second one that comes
        # before the first was heeded ends the process.
        time.sleep(1)
        # A terminal shows typed lines again, prompt and all, so the prompt is no sign of it.
        os.write(terminal, text[1:])
        if select.select([terminal], [], [], 10)[0]:
            seen += os.read(terminal, 4096)
            if b'interrupted' in seen[from_here:]:
                from_here = len(seen) - len(seen.split(b'interrupted')[-1])
                break
        if time.time() > deadline:
            sys.exit('it cannot be interrupted: %r' % seen)
    else:
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
        "INSERT INTO t VALUES (20),\\r",
        "(22);\\r",
        "SELECT sum(a) AS total FROM t;\\r",
        "SELECT * FROM missing;\\r",
        ".tables\\r",
        "SELECT 'forgotten\\r",
        "\\x03",
        "SELECT 40 + 4 AS after;\\r",
        ".quit\\r",
    ];
    let Some((status, seen)) = type_in(&history, &typed) else { return };
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains("...> "), "{seen}");
    assert!(seen.contains("│    42 │") || seen.contains("42 │"), "{seen}");
    assert!(seen.contains("2 rows"), "{seen}");
    assert!(seen.contains("error (not found)"), "{seen}");
    assert!(seen.contains("44 │"), "after an error and Ctrl-C it goes on: {seen}");
    let kept = std::fs::read_to_string(&history).unwrap();
    assert!(kept.contains("SELECT sum(a) AS total FROM t;") && kept.contains("INSERT INTO t VALUES (20),"), "{kept}");
}

#[test]
#[ignore = "races with a loaded machine: run it alone, cargo test -p clouddb-cli --test process -- --ignored"]
fn ctrl_c_cancels_a_statement_and_ctrl_d_ends() {
    let folder = Folder::new();
    // Minutes of work, if nobody stopped it.
    let query = "SELECT max(value % 7) FROM range(0, 900000000000);\\r";
    let Some((status, seen)) = type_in(&folder.path("history"), &[query, "~\\x03", "SELECT 40 + 4 AS after;\\r", "\\x04"]) else { return };
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains("interrupted") && seen.contains("44 │"), "{seen}");
}
