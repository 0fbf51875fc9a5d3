"""Random programs of operations, held against a model of a few lines."""

import random

import pytest

from unmta_async.sandbox import Refusal, State

from .test_journal import open_state, shown

CLUSTERS = ["a1b2c3d4", "e5f6g7h8", "none"]
NAMES = ["a.com", "A.com", "b.com", "c.test", ""]
USERS = ["app", "App", "a b"]
LISTS = [["a.com"], [], ["b.com", "A.com"], "a.com"]
FLAGS = [True, False, None]


def outcome(operation, *arguments):
    """Return the status that an operation ends with."""
    try:
        return operation(*arguments)[0]
    except Refusal as refusal:
        return refusal.status


class Model:
    """The names that there are, and which are allowed."""

    def __init__(self):
        self.domains = {cluster: [] for cluster in CLUSTERS[:2]}

    def create(self, cluster, name):
        if cluster not in self.domains:
            return 404
        if name in ("c.test", "") or name.lower() in self.domains[cluster]:
            return 422
        self.domains[cluster].append(name.lower())
        return 201

    def delete(self, cluster, name):
        if name.lower() not in self.domains.get(cluster, []):
            return 404
        self.domains[cluster].remove(name.lower())
        return 204


def change_a_credential(state, rng):
    body = {
        field: rng.choice(values)
        for field, values in (("user", USERS), ("allow_all_domains", FLAGS), ("domains", LISTS))
        if rng.random() < 0.7
    }
    cluster, user = rng.choice(CLUSTERS), rng.choice(USERS)
    return rng.choice(
        [
            lambda: outcome(state.create_credential, cluster, body),
            lambda: outcome(state.update_credential, cluster, user, body),
            lambda: outcome(state.delete_credential, cluster, user),
        ]
    )()


@pytest.mark.parametrize("seed", range(30))
def test_programs(seed, clock, tmp_path):
    rng = random.Random(seed)
    model = Model()
    journal, state = open_state(tmp_path / "state", clock, seed=seed)
    with journal:
        for _ in range(200):
            clock.advance(rng.random())
            cluster, name = rng.choice(CLUSTERS), rng.choice(NAMES)
            before = shown(state)
            if rng.random() < 0.5:
                status = outcome(state.create_domain, cluster, {"name": name})
                assert status == model.create(cluster, name)
            elif rng.random() < 0.5:
                status = outcome(state.delete_domain, cluster, name)
                assert status == model.delete(cluster, name)
            else:
                status = change_a_credential(state, rng)
            if status >= 400:
                assert shown(state) == before
            for cluster, names in model.domains.items():
                found = [item["name"] for item in state.list_domains(cluster)[1]["data"]]
                assert found == names
                for credential in state.list_credentials(cluster)[1]["data"]:
                    assert credential["allow_all_domains"] or credential["domains"]
        final = shown(state)
    journal, again = open_state(tmp_path / "state", clock)
    with journal:
        assert shown(again) == final
    assert isinstance(again, State)
