//! The embedded PostgreSQL as its users meet it: through the program, started, joined, killed and started again.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// A data folder whose path has a space and is too long for sockets below it.
fn data_folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a folder with spaces").join("and a name that is rather long".repeat(3));
    make_passable(folder.path());
    (folder, inner)
}

/// Tests may run as root, and then PostgreSQL as another account, which must get through.
fn make_passable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).unwrap();
}

fn mingbai(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mingbai"));
    command.args(arguments).env_remove("DATABASE_URL").env("MINGBAI_DATA_DIR", data).env("MINGBAI_ADDR", "127.0.0.1:0");
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

fn migrate(data: &Path) -> Output {
    let output = mingbai(data, &["migrate"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Starts the portal; returns it and where it listens.
fn serve(data: &Path) -> (Child, String) {
    let mut server = mingbai(data, &["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("Mingbai is at http://").expect("the address").trim_end_matches('/');
    (server, address.to_owned())
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn signal(process: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap(), signal).unwrap();
}

/// The process of PostgreSQL that the data folder names, running or not.
fn postgres_pid(data: &Path) -> Option<Pid> {
    let pid_file = fs::read_to_string(data.join("postgres/data/postmaster.pid")).ok()?;
    Pid::from_raw(pid_file.lines().next()?.parse().ok()?)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn wait_until_gone(data: &Path, postgres: Pid) {
    wait_until("PostgreSQL is gone", || test_kill_process(postgres).is_err() && postgres_pid(data).is_none());
}

#[test]
fn a_command_starts_it_and_leaves_nothing_behind() {
    let (_folder, data) = data_folder();
    migrate(&data);
    assert!(data.join("postgres/data/PG_VERSION").exists());
    assert_eq!(postgres_pid(&data), None, "the last user stopped it before it ended");
    migrate(&data);
    assert_eq!(postgres_pid(&data), None);
}

#[test]
fn commands_join_the_server_that_runs_and_leave_it_running() {
    let (_folder, data) = data_folder();
    let (mut server, address) = serve(&data);
    let postgres = postgres_pid(&data).expect("it runs");
    migrate(&data);
    assert_eq!(postgres_pid(&data), Some(postgres), "the command left it to the server");
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    signal(&server, Signal::TERM);
    assert!(server.wait().unwrap().success(), "told to stop, it ends well");
    assert_eq!(postgres_pid(&data), None);
    wait_until_gone(&data, postgres);
}

#[test]
fn a_killed_server_leaves_nothing_behind_and_the_next_one_recovers() {
    let (_folder, data) = data_folder();
    for _ in 0..2 {
        let (mut server, address) = serve(&data);
        let postgres = postgres_pid(&data).expect("it runs");
        assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
        signal(&server, Signal::KILL);
        server.wait().unwrap();
        wait_until_gone(&data, postgres);
    }
    migrate(&data);
}

#[test]
fn a_server_that_starts_while_another_was_just_killed_is_served() {
    let (_folder, data) = data_folder();
    for _ in 0..3 {
        let (mut killed, _) = serve(&data);
        signal(&killed, Signal::KILL);
        killed.wait().unwrap();
        let (mut server, address) = serve(&data);
        thread::sleep(Duration::from_millis(200));
        assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"), "nobody stops it under the new server");
        signal(&server, Signal::INT);
        server.wait().unwrap();
    }
}

#[test]
fn data_survive_a_killed_postgres() {
    let (_folder, data) = data_folder();
    let (mut server, _) = serve(&data);
    let postgres = postgres_pid(&data).expect("it runs");
    kill_process(postgres, Signal::KILL).unwrap();
    signal(&server, Signal::KILL);
    server.wait().unwrap();
    assert_eq!(postgres_pid(&data), Some(postgres), "the pid file of a crash is still there");
    let (mut server, address) = serve(&data);
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    let postgres = postgres_pid(&data).expect("it runs again");
    signal(&server, Signal::TERM);
    server.wait().unwrap();
    wait_until_gone(&data, postgres);
}

#[test]
fn two_first_users_at_once_make_one_database() {
    let (_folder, data) = data_folder();
    let users: Vec<_> = (0..3).map(|_| mingbai(&data, &["migrate"]).stdout(Stdio::null()).spawn().unwrap()).collect();
    for user in users {
        let output = user.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    wait_until("PostgreSQL is gone", || postgres_pid(&data).is_none());
}

#[test]
fn without_its_programs_one_line_says_how_to_get_them() {
    let (folder, data) = data_folder();
    let output = mingbai(&data, &["migrate"]).env("PG_BIN", folder.path()).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("apt-get install postgresql") && error.contains("DATABASE_URL"), "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
}
