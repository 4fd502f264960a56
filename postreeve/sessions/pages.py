"""Logging in and out in a browser, and how pages look."""

from postreeve.web.pages import N_, PANEL, SELF_SERVICE, Ask, Redirect, Shown, View, local_path, page


@page("GET /login", title=N_("Log in"), is_open=True)
def show_login(_ask: Ask) -> View:
    return Shown("sessions/login.html", {"is_of_admins": True})


@page("POST /login", is_open=True, is_secretive=True)
def log_in(ask: Ask) -> View:
    opened = ask.run("POST /api/login", username=ask.typed("username"), password=ask.typed("password"))
    return Redirect(local_path(ask.text("next", "/")), opened=opened.token)


@page("GET /self-service/login", title=N_("Log in"), face=SELF_SERVICE, is_open=True)
def show_user_login(_ask: Ask) -> View:
    return Shown("sessions/login.html", {"is_of_admins": False})


@page("POST /self-service/login", face=SELF_SERVICE, is_open=True, is_secretive=True)
def log_user_in(ask: Ask) -> View:
    opened = ask.run("POST /api/self-service/login", username=ask.typed("username"), password=ask.typed("password"))
    return Redirect(local_path(ask.text("next", "/self-service")), opened=opened.token)


@page("POST /logout", face=PANEL, is_open=True)
def log_out(ask: Ask) -> View:
    ask.run("POST /api/logout")
    return Redirect("/login", ask._("You have logged out."), opened="")


@page("POST /self-service/logout", face=SELF_SERVICE, is_open=True)
def log_user_out(ask: Ask) -> View:
    ask.run("POST /api/logout")
    return Redirect("/self-service/login", ask._("You have logged out."), opened="")


@page("POST /theme", face=PANEL, is_open=True)
def choose_theme(ask: Ask) -> View:
    return _themed(ask)


@page("POST /self-service/theme", face=SELF_SERVICE, is_open=True)
def choose_users_theme(ask: Ask) -> View:
    return _themed(ask)


def _themed(ask: Ask) -> View:
    theme = ask.typed("theme")
    return Redirect(local_path(ask.typed("next", "/")), theme=theme if theme in {"light", "dark"} else "")
