@echo off
powershell -NoProfile -ExecutionPolicy Bypass -File "%~dp0install.ps1" --as-gesso %*
if errorlevel 1 (if "%~1"=="" pause) & exit /b %errorlevel%
