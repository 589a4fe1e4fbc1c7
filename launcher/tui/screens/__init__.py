"""The screens, one a file; each is imported when it is opened."""

from __future__ import annotations

#: name -> where it is
SCREENS: dict[str, str] = {
    "models": "launcher.tui.screens.models:ModelsScreen",
    "catalogue": "launcher.tui.screens.catalogue:CatalogueScreen",
    "environments": "launcher.tui.screens.environments:EnvironmentsScreen",
    "network": "launcher.tui.screens.network:NetworkScreen",
    "proxy": "launcher.tui.screens.proxy:ProxyScreen",
    "settings": "launcher.tui.screens.settings:SettingsScreen",
    "update": "launcher.tui.screens.update:UpdateScreen",
    "profiles": "launcher.tui.screens.profiles:ProfilesScreen",
    "setup": "launcher.tui.screens.setup:SetupDoor",
    "troubleshooting": "launcher.tui.screens.troubleshooting:TroubleshootingScreen",
    "handbook": "launcher.tui.screens.handbook:HandbookScreen",
    "report": "launcher.tui.screens.report:ReportScreen",
    "console": "launcher.tui.screens.console:ConsoleScreen",
}
