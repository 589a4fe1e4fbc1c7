"""The checkout as a git clone: what state it is in, what would change, and its move from one commit to another."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.core.errors import LauncherError
from launcher.core.git_calls import Git
from launcher.core.text import Text, t
from launcher.core.update.copy import some
from launcher.core.update.git_locks import locks_of
from launcher.core.update.releases import Release

if TYPE_CHECKING:
    from git import Repo


@dataclass(frozen=True)
class Clone:
    """A clone that can be updated; `branch` None: it stands on a release without a branch."""

    root: Path
    branch: str | None
    remote: str
    #: the remote's address; it may hold a password
    url: str
    head: str
    shallow: bool


@dataclass(frozen=True)
class Changes:
    """What lies between two commits."""

    #: the first lines of the commits, the newest first
    commits: tuple[str, ...]
    files: tuple[str, ...]


def look(git: Git) -> Clone:
    """The state of the clone in `git.root`; changes nothing.

    LauncherError: `update-broken-clone`, `update-unfinished` (a merge or rebase under way), `update-no-remote`,
    `update-own-branch` (a branch that follows none of a remote).
    """
    with _opened(git) as repo:
        _refuse_unfinished(repo)
        head = repo.head.commit.hexsha
        shallow = (Path(repo.git_dir) / "shallow").exists()
        if repo.head.is_detached:
            remote = _only_remote(repo)
            return Clone(git.root, None, remote, repo.remote(remote).url, head, shallow)
        branch = repo.active_branch
        followed = branch.tracking_branch()
        if followed is None:
            _only_remote(repo)
            raise LauncherError(
                "update-own-branch",
                t('The branch "{branch}" is your own: it follows none that Gesso comes from.', branch=branch.name),
                t("Change to the branch that was cloned (git switch main) and run the same command again."),
            )
        return Clone(git.root, branch.name, followed.remote_name, repo.remote(followed.remote_name).url, head, shallow)


def refuse_own_changes(git: Git, release: Release | None = None) -> None:
    """LauncherError `update-changed-files` if tracked files were changed, or others lie where new ones would."""
    with _opened(git) as repo:
        changed = [each.b_path or each.a_path or "?" for each in repo.head.commit.diff(None)]
        in_the_way = _in_the_way(repo, git.root, release.commit) if release else []
    if in_the_way:
        raise LauncherError(
            "update-changed-files",
            t("These files are not Gesso's and lie where new ones would: {files}", files=some(in_the_way)),
            t("Nothing was touched. Move them to another folder, then run the same command again."),
        )
    if changed:
        raise LauncherError(
            "update-changed-files",
            t("These files of Gesso were changed here: {files}", files=some(changed)),
            t(
                "Nothing was touched. `git stash` puts your changes aside and `git stash pop` brings them back "
                "afterwards; `git checkout FILE` gives one up."
            ),
        )


def refuse_detached(clone: Clone, at_release: bool) -> None:
    """LauncherError `update-detached` where HEAD is on no branch and on no release either."""
    if clone.branch is None and not at_release:
        raise LauncherError(
            "update-detached",
            t("The clone stands on the single commit {commit}, on no branch and no release.", commit=clone.head[:10]),
            t("Change to the branch that was cloned (git switch main) and run the same command again."),
        )


def leads_to(git: Git, clone: Clone, release: Release) -> bool | None:
    """Does the release continue what is here? None: history was cut off (a shallow clone) before it could be told."""
    if git.call("merge-base", "--is-ancestor", clone.head, release.commit).code == 0:
        return True
    return None if clone.shallow and not git.call("merge-base", clone.head, release.commit).out else False


def diverged(git: Git, clone: Clone, release: Release) -> LauncherError:
    """The clone has commits that the release does not know: the user's, or those of the branch that it follows."""
    if git.call("merge-base", "--is-ancestor", clone.head, "@{upstream}").code == 0:
        return LauncherError(
            "update-diverged",
            t('The branch "{branch}" has come further than what {tag} was made from.', branch=clone.branch or "HEAD",
              tag=release.tag),
            t("Nothing was touched. `git pull` follows the branch; `git switch --detach {tag}` changes to the release.",
              tag=release.commit[:10]),
        )  # fmt: skip
    return LauncherError(
        "update-diverged",
        t('The branch "{branch}" has commits of its own that {tag} does not have.', branch=clone.branch or "HEAD",
          tag=release.tag),
        t("Nothing was touched. `git rebase {tag}` or `git merge {tag}` joins both, if you know git.",
          tag=release.commit[:10]),
    )  # fmt: skip


def changes_between(git: Git, old: str, new: str) -> Changes:
    """Commits of `new` that `old` has not, and the files that differ."""
    with _opened(git) as repo:
        commits = tuple(_first_line(each.message) for each in repo.iter_commits(f"{old}..{new}", max_count=500))
        differ = repo.commit(old).diff(repo.commit(new))
        return Changes(commits, tuple(sorted({each.b_path or each.a_path or "?" for each in differ})))


def export(git: Git, commit: str, folder: Path, index: Path) -> None:
    """The files of `commit` into the empty `folder`; the clone's own index stays as it is. `update-broken-clone`."""
    own = {"GIT_INDEX_FILE": str(index)}
    for words in (("read-tree", commit), ("checkout-index", "--all", f"--prefix={folder.as_posix()}/")):
        answer = git.call(*words, more=own)
        answer.refuse_own_trouble(folder)
        if answer.code:
            raise broken(git.root, answer.said)


def move(git: Git, clone: Clone, commit: str, held: int | None = None) -> None:
    """Make `commit` what the checkout holds: the branch goes there with it. LauncherError `update-not-moved`.

    `held`: the lock of updates, which git holds too.
    git itself refuses, and changes nothing, if a file would be lost.
    """
    words = (
        ["checkout", "--detach", "--quiet", commit] if clone.branch is None else ["reset", "--keep", "--quiet", commit]
    )
    answer = git.call(*words, held=held)
    answer.refuse_own_trouble(git.root)
    if answer.code:
        raise LauncherError(
            "update-not-moved",
            t("git could not change the files: {why}", why=answer.said),
            t("Nothing was lost. Close programs that use files of Gesso, and run the same command again."),
        )


def broken(root: Path, why: object) -> LauncherError:
    """The clone cannot be read."""
    return LauncherError(
        "update-broken-clone",
        t("The clone in {folder} is damaged: {why}", folder=root, why=str(why)[:200]),
        t("Fetch Gesso afresh beside it, and go on with the same workspace by --root."),
    )


@contextlib.contextmanager
def _opened(git: Git) -> Iterator[Repo]:
    """GitPython's view of the clone; whatever it trips over is a damaged clone."""
    # Slow to import, it looks for git while it is imported, and only an update needs it.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import git as gitpython
    from git.exc import ODBError

    # a cut-off object or reference ends in any of these
    errors = (gitpython.GitError, ODBError, ValueError, OSError, KeyError)
    gitpython.refresh(git.program)
    try:
        repo = gitpython.Repo(git.root, search_parent_directories=False, expand_vars=False)
    except errors as error:
        # GitPython names the folder alone; git says what is wrong with it.
        raise broken(git.root, git.call("rev-parse", "--git-dir").said) from error
    repo.git.update_environment(**git.variables)
    repo.git.update_environment(GIT_DIR=str(repo.git_dir), GIT_WORK_TREE=str(git.root))
    repo.git.set_persistent_git_options(c=[word for word in git.options if word != "-c"])
    try:
        yield repo
    except errors as error:
        raise broken(git.root, error) from error
    finally:
        repo.close()


def _refuse_unfinished(repo: Repo) -> None:
    for name in ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"):
        if (Path(repo.git_dir) / name).exists():
            raise LauncherError(
                "update-unfinished",
                t("A merge, rebase or the like is under way in this clone ({name}).", name=name),
                t("Finish it or give it up with git, and run the same command again."),
            )
    for lock in locks_of(Path(repo.working_dir)):
        raise LauncherError(
            "update-unfinished",
            t("Another git works in this clone, or one was ended at its work: {file}", file=lock),
            t("If no git runs any more, delete this file and run the same command again."),
        )


def _only_remote(repo: Repo) -> str:
    names = [remote.name for remote in repo.remotes]
    if "origin" in names or len(names) == 1:
        return "origin" if "origin" in names else names[0]
    raise LauncherError(
        "update-no-remote",
        t("This clone of Gesso does not say where it comes from.") if not names else _several(names),
        t("`git remote add origin ADDRESS` tells it; `git fetch` and `git branch -u origin/main` do the rest."),
    )


def _several(names: list[str]) -> Text:
    return t("This clone has several remotes, and none of them is called origin: {names}.", names=", ".join(names))


def _in_the_way(repo: Repo, root: Path, commit: str) -> list[str]:
    """Files that git does not know here and that the new version has."""
    here = {str(each.path) for each in repo.head.commit.tree.traverse() if each.type == "blob"}  # type: ignore[union-attr]
    coming = {str(each.path) for each in repo.commit(commit).tree.traverse() if each.type == "blob"}  # type: ignore[union-attr]
    return sorted(path for path in coming - here if os.path.lexists(root / path))


def _first_line(message: str | bytes) -> str:
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    return "".join(letter for letter in text.strip().split("\n")[0][:200] if letter.isprintable())
