# Finds a Python 3.10 or newer (or fetches one through uv) and hands over to launcher\bootstrap.py. No choices here.
# ASCII only, Windows PowerShell 5.1. Started by gesso.cmd, which a double click can start. The same steps as install.sh.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
$store = Join-Path $here '.launcher-tools'
$uvVersion = '0.13.8'
$mirrors = 'https://mirrors.cloud.tencent.com/pypi/simple', 'https://mirrors.aliyun.com/pypi/simple',
    'https://pypi.tuna.tsinghua.edu.cn/simple'
$pythonMirror = 'https://mirror.nju.edu.cn/github-release/astral-sh/python-build-standalone'
$hashes = @{
    'win_amd64' = 'cfbc13020a64cdf2f116d2936824c38edbf41e5c07f1ea291baf02e31ebf3ed0'
    'win_arm64' = 'b4184029b1b7c54409b9cd4372c73a36ef9c2d1d7cf3b0aca59c8b1932f041dc'
}

function Say($key) {
    $words = Get-Content -Encoding UTF8 (Join-Path $here 'launcher\data\first_words.txt')
    $words | Where-Object { $_.StartsWith($key + ': ') } | ForEach-Object { Write-Host $_.Substring($key.Length + 2) }
}

function Test-Python($command) {
    # A Python that runs, is new enough and can make virtual environments; the Store's placeholder fails here.
    try { & $command -I -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>$null | Out-Null } catch { return $false }
    return $LASTEXITCODE -eq 0
}

function Find-Python {
    # The launcher's own first: that makes the second start quick.
    $own = Join-Path $here '.launcher\Scripts\python.exe'
    if ((Test-Path (Join-Path $here '.launcher\stamp.json')) -and (Test-Python $own)) { return $own }
    $fetched = @(Get-ChildItem (Join-Path $store 'python\*\python.exe') -ErrorAction SilentlyContinue | ForEach-Object { $_.FullName })
    foreach ($command in @('py', 'python', 'python3') + $fetched) {
        if ((Get-Command $command -ErrorAction SilentlyContinue) -and (Test-Python $command)) { return $command }
    }
}

function Get-Wheel($index, $wheel, $hash, $target) {
    # From one index; the file gets its name only if it is the pinned one.
    try {
        $address = $index.TrimEnd('/') + '/uv/'
        $page = Invoke-WebRequest -UseBasicParsing -TimeoutSec 15 $address
        $link = @($page.Links | Where-Object { $_.href -like "*$wheel*" })[0].href
        $source = New-Object Uri((New-Object Uri($address)), $link)
        Invoke-WebRequest -UseBasicParsing $source.GetLeftPart('Query') -OutFile "$target.part"
        if ((Get-FileHash -Algorithm SHA256 "$target.part").Hash -eq $hash) { Move-Item -Force "$target.part" $target }
    } catch { Write-Host $_.Exception.Message }
}

function Get-Python {
    Say 'fetch-python'
    $tag = if ($env:PROCESSOR_ARCHITECTURE -eq 'ARM64') { 'win_arm64' } else { 'win_amd64' }
    $wheel = "uv-$uvVersion-py3-none-$tag.whl"
    $zip = Join-Path $store "$wheel.zip"
    New-Item -ItemType Directory -Force $store | Out-Null
    $settings = Get-Content (Join-Path $env:APPDATA 'pip\pip.ini') -ErrorAction SilentlyContinue
    $inFile = $settings | ForEach-Object { if ($_ -match '^\s*index[-_]url\s*[=:]\s*(\S+)') { $Matches[1] } }
    foreach ($index in @($env:UV_DEFAULT_INDEX, $env:UV_INDEX_URL, $env:PIP_INDEX_URL, $inFile) + $mirrors) {
        if ($index -and -not (Test-Path $zip)) { Get-Wheel $index $wheel $hashes[$tag] $zip }
    }
    if (-not (Test-Path $zip)) { Say 'no-index'; exit 1 }
    Expand-Archive -Force $zip (Join-Path $store 'uv')
    $uv = Join-Path $store "uv\uv-$uvVersion.data\scripts\uv.exe"
    $env:UV_PYTHON_INSTALL_DIR = Join-Path $store 'python'
    if (-not $env:UV_CACHE_DIR) { $env:UV_CACHE_DIR = Join-Path $store 'cache' }
    foreach ($mirror in @($env:UV_PYTHON_INSTALL_MIRROR, $pythonMirror)) {
        $env:UV_PYTHON_INSTALL_MIRROR = $mirror
        & $uv python install --no-config --no-bin --no-registry 3.12
        if ($LASTEXITCODE -eq 0) { return }
    }
    Say 'no-python'; exit 1
}

$python = Find-Python
if (-not $python) { Get-Python; $python = Find-Python }
& $python -I (Join-Path $here 'launcher\bootstrap.py') @args
exit $LASTEXITCODE
