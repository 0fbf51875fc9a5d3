"""Whatever goes wrong, a person reads words, and a program finds an exit code."""

from __future__ import annotations

import asyncio
import http.server
import signal
import ssl
import subprocess
import sys
import threading
import time

import pytest
import trustme

from unmta_async import (
    AuthenticationError,
    NotFoundError,
    Secret,
    UnmtaError,
    UsageError,
    ValidationError,
)
from unmta_async.cli.failures import FAILED, INTERRUPTED, USAGE, CommandError, exit_code
from unmta_async.cli.interrupts import stopping_softly

from . import terminal


@pytest.fixture
def page():
    """A web server that knows nothing of an API."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<html>It works</html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def is_one_line(text):
    return text.count("\n") == 1 and text.startswith("error: ") and "Traceback" not in text


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("that is not so"), USAGE, "error: that is not so."),
        (AuthenticationError("Unauthenticated.", status=401), FAILED, "Check the token"),
        (CommandError("nothing was done"), FAILED, "error: nothing was done"),
        (CommandError("give --yes", USAGE), USAGE, "error: give --yes"),
        (FileNotFoundError(2, "No such file or directory", "x"), FAILED, "error: x: No such file"),
        (KeyboardInterrupt(), INTERRUPTED, "Interrupted."),
        (asyncio.CancelledError(), INTERRUPTED, "Interrupted."),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (SystemExit(2), USAGE, ""),
        (SystemExit("no"), FAILED, "no"),
        (SystemExit(), 0, ""),
    ],
    ids=repr,
)
def test_each_kind_of_failure_has_its_code_and_its_words(error, code, said, capsys):
    assert exit_code(error) == code
    assert said in capsys.readouterr().err


def test_an_unknown_exception_is_a_line_without_its_values(capsys):
    assert exit_code(RuntimeError("the password is hunter2")) == FAILED
    told = capsys.readouterr().err
    assert is_one_line(told)
    assert "RuntimeError" in told
    assert "report" in told
    assert "hunter2" not in told


def test_advice_speaks_of_the_command_line(capsys):
    exit_code(ValidationError("Refused", errors={"name": ["is taken"]}))
    told = capsys.readouterr().err
    assert ".errors" not in told
    assert "Correct it and run again." in told


def test_what_is_not_found_is_named(capsys):
    error = NotFoundError("Not Found", status=404)
    error.operation, error.path_params = "domains.get", {"cluster": "c", "domain": "no.example"}
    exit_code(error)
    assert "(cluster c, domain no.example)" in capsys.readouterr().err


def test_a_password_without_a_place_is_put_into_a_private_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    error = UnmtaError("the store is full")
    error.password = Secret("hunter2")
    assert exit_code(error) == FAILED
    [file] = tmp_path.iterdir()
    told = capsys.readouterr().err
    assert str(file) in told
    assert "hunter2" not in told
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("hunter2\n", 0o600)


def test_a_closed_port_is_a_line(unmta):
    code, out, err = unmta("clusters", "list", env={"UNMTA_BASE_URL": "http://127.0.0.1:1/api/v1"})
    assert (code, out) == (FAILED, "")
    assert is_one_line(err)
    assert "could not be reached" in err


def test_a_page_in_place_of_the_api_is_a_line(unmta, page):
    url = f"http://127.0.0.1:{page.server_port}/api/v1"
    code, out, err = unmta("clusters", "list", env={"UNMTA_BASE_URL": url})
    assert (code, out) == (FAILED, "")
    assert is_one_line(err)
    assert "Check the base URL" in err


def test_a_foreign_certificate_is_a_line_that_names_the_way_out(unmta, page, tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    page.socket = context.wrap_socket(page.socket, server_side=True)
    page.handle_error = lambda *_: None
    url = {"UNMTA_BASE_URL": f"https://127.0.0.1:{page.server_port}/api/v1"}
    code, _, err = unmta("clusters", "list", env=url)
    assert code == FAILED
    assert is_one_line(err)
    assert "SSL_CERT_FILE" in err
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trusting = unmta("clusters", "list", env={**url, "SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    assert "it is not JSON" in trusting.err  # so TLS was fine


def test_plain_http_to_another_host_is_refused_in_words_of_the_command_line(unmta):
    code, _, err = unmta("clusters", "list", env={"UNMTA_BASE_URL": "http://example.com/api/v1"})
    assert code == USAGE
    assert is_one_line(err)
    assert "UNMTA_BASE_URL" in err
    assert "allow_http" not in err


def shell(line, account, cwd):
    unmta = " ".join(terminal.command([]))
    return subprocess.run(
        ["bash", "-c", line.replace("unmta", unmta)],
        env=terminal.environment(account),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_pipe_that_breaks_is_no_complaint(account, tmp_path):
    ended = shell("unmta clusters list | true; exit ${PIPESTATUS[0]}", account, tmp_path)
    assert ended.returncode in {0, 141}  # whoever was faster
    assert ended.stderr == ""


@pytest.mark.parametrize("stream", ["0<&-", "2>&-"])
def test_a_stream_that_is_closed_is_no_reason_to_fail(stream, account, tmp_path):
    ended = shell(f"unmta clusters list {stream}", account, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_data_for_a_stdout_that_is_closed_is_a_failure(account, tmp_path):
    ended = shell("unmta clusters list >&-", account, tmp_path)
    assert (ended.returncode, ended.stderr) == (FAILED, "error: stdout is closed\n")


def test_no_password_is_made_for_a_stdout_that_is_closed(account, tmp_path, sandbox):
    words = "credentials create new --all-domains --show-password"
    ended = shell(f"unmta {words} >&-", account, tmp_path)
    assert ended.returncode == USAGE
    assert "stdout is closed: nobody would see the password" in ended.stderr
    assert not sandbox.calls


def test_a_full_disk_is_a_line(account, tmp_path):
    ended = shell("unmta clusters list > /dev/full", account, tmp_path)
    assert ended.returncode == FAILED
    assert ended.stderr == "error: No space left on device\n"


def test_a_terminal_that_knows_ascii_only_is_written_to(unmta):
    poor = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "UNMTA_CLUSTER": "ü"}
    code, _, err = unmta("domains", "list", env=poor)
    assert code == USAGE
    assert is_one_line(err)


def test_ctrl_c_while_modules_are_imported_is_a_line():
    program = (
        "import sys, types\n"
        "class Slow(types.ModuleType):\n"
        "    def __getattr__(self, name): raise KeyboardInterrupt\n"
        "sys.modules['unmta_async.cli.app'] = Slow('app')\n"
        "from unmta_async.cli.__main__ import main\n"
        "main([])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (INTERRUPTED, "Interrupted.\n")


def test_without_its_extra_it_says_what_to_install():
    program = (
        "import sys; sys.modules['cyclopts'] = None\n"
        "from unmta_async.cli.__main__ import main; main(['--help'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == FAILED
    assert is_one_line(ended.stderr)
    assert "pip install 'unmta-async[cli]'" in ended.stderr


def test_a_soft_stop_leaves_ctrl_c_as_it_was():
    async def stop_softly():
        before = signal.getsignal(signal.SIGINT)
        with stopping_softly() as stop:
            signal.raise_signal(signal.SIGINT)
            await stop.wait()
        assert signal.getsignal(signal.SIGINT) is before

    asyncio.run(stop_softly())


def test_what_was_started_with_nohup_outlives_its_terminal(started, sandbox):
    fault = sandbox.faults.add("clusters.list", "slow-body", seconds=0.4)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a child has it from here
    try:
        with started("clusters", "list") as process:
            while not fault.hits:
                time.sleep(0.01)
            process.send_signal(signal.SIGHUP)
            out, _ = process.communicate(timeout=terminal.SECONDS)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (process.returncode, out.split()[0]) == (0, "ID")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_in_a_call_ends_it_with_130(started, sandbox, end):
    fault = sandbox.faults.add("clusters.list", "hang-before-headers")
    with started("clusters", "list") as process:
        while not fault.hits:
            time.sleep(0.01)
        process.send_signal(end)
        _, err = process.communicate(timeout=terminal.SECONDS)
    assert (process.returncode, err) == (INTERRUPTED, "Interrupted.\n")
