# Finds a Python 3.10 or newer (or fetches one through uv) and hands over to launcher\bootstrap.py. No choices here.
# ASCII only, Windows PowerShell 5.1. Started by gesso.cmd, which a double click can start. The same steps as install.sh.
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
$store = Join-Path $here '.launcher-tools'
$uvVersion = '0.13.8'
$mirrors = 'https://mirrors.cloud.tencent.com/pypi/simple', 'https://mirrors.aliyun.com/pypi/simple', 'https://pypi.tuna.tsinghua.edu.cn/simple'
$pythonMirror = 'https://mirror.nju.edu.cn/github-release/astral-sh/python-build-standalone'
$hashes = @{ 'win_amd64' = 'cfbc13020a64cdf2f116d2936824c38edbf41e5c07f1ea291baf02e31ebf3ed0'
    'win_arm64' = 'b4184029b1b7c54409b9cd4372c73a36ef9c2d1d7cf3b0aca59c8b1932f041dc' }
function Say($key) {
    Get-Content -Encoding UTF8 (Join-Path $here 'launcher\data\first_words.txt') |
        Where-Object { $_.StartsWith($key + ': ') } | ForEach-Object { Write-Host $_.Substring($key.Length + 2) } }
function Stop-With($key) { # where there is no room for 300 MB that is what is in the way, whatever may have failed for it
    $free = (Get-Item -LiteralPath $here).PSDrive.Free
    if (($key -ne 'no-pack') -and ($null -ne $free) -and ($free -lt 300 * 1024 * 1024)) { $key = 'disk-full' }
    Say $key; exit 1 }
function Test-Python($command) { # runs, is new enough, makes virtual environments, is the pack's; the Store's placeholder fails
    $code = 'import sys, venv, ensurepip; v = sys.version_info; w = sys.argv[1:]
sys.exit(v < (3, 10) or any(w) and w[0] != str(v[0]) + chr(46) + str(v[1]))'
    try { & $command -I -c $code $packed 2>$null | Out-Null } catch { return $false }
    return $LASTEXITCODE -eq 0 }
function Find-Python { # the launcher's own first: that makes the second start quick
    $own = Join-Path $here '.launcher\Scripts\python.exe'
    if ((Test-Path (Join-Path $here '.launcher\stamp.json')) -and (Test-Python $own)) { return $own }
    $fetched = @(Get-ChildItem (Join-Path $store 'python\*\python.exe') -ErrorAction SilentlyContinue | ForEach-Object { $_.FullName })
    foreach ($command in @('py', 'python', 'python3') + $fetched) {
        if ((Get-Command $command -ErrorAction SilentlyContinue) -and (Test-Python $command)) { return $command } } }
function Get-Wheel($index, $wheel, $hash, $target) { # the file gets its name only if it is the pinned one
    try {
        $address = $index.TrimEnd('/') + '/uv/'
        $page = Invoke-WebRequest -UseBasicParsing -TimeoutSec 15 $address
        $link = @($page.Links | Where-Object { $_.href -like "*$wheel*" })[0].href
        $source = New-Object Uri((New-Object Uri($address)), $link)
        Invoke-WebRequest -UseBasicParsing $source.GetLeftPart('Query') -OutFile "$target.part"
        if ((Get-FileHash -Algorithm SHA256 "$target.part").Hash -eq $hash) { Move-Item -Force "$target.part" $target }
    } catch { Write-Host $_.Exception.Message } }
function Get-Python {
    Say 'fetch-python'
    $tag = if ($env:PROCESSOR_ARCHITECTURE -eq 'ARM64') { 'win_arm64' } else { 'win_amd64' }
    $wheel = "uv-$uvVersion-py3-none-$tag.whl"
    $zip = Join-Path $store "$wheel.zip"; New-Item -ItemType Directory -Force $store | Out-Null
    $settings = Get-Content (Join-Path $env:APPDATA 'pip\pip.ini') -ErrorAction SilentlyContinue
    $inFile = $settings | ForEach-Object { if ($_ -match '^\s*index[-_]url\s*[=:]\s*(\S+)') { $Matches[1] } }
    foreach ($index in @($env:UV_DEFAULT_INDEX, $env:UV_INDEX_URL, $env:PIP_INDEX_URL, $inFile) + $mirrors) {
        if ($index -and -not (Test-Path $zip)) { Get-Wheel $index $wheel $hashes[$tag] $zip } }
    if (-not (Test-Path $zip)) { Stop-With 'no-index' }
    Expand-Archive -Force $zip (Join-Path $store 'uv')
    $uv = Join-Path $store "uv\uv-$uvVersion.data\scripts\uv.exe"; $env:UV_PYTHON_INSTALL_DIR = Join-Path $store 'python'
    if (-not $env:UV_CACHE_DIR) { $env:UV_CACHE_DIR = Join-Path $store 'cache' }
    foreach ($mirror in @($env:UV_PYTHON_INSTALL_MIRROR, $pythonMirror)) {
        $env:UV_PYTHON_INSTALL_MIRROR = $mirror
        & $uv python install --no-config --no-bin --no-registry 3.12; if ($LASTEXITCODE -eq 0) { return }
    }
    Stop-With 'no-python' }
function Expand-PackedPython { # beside, and only if it is the file that the pack was made with; Windows 10 has tar
    $archive = Get-ChildItem (Join-Path $pack 'python\*.tar.gz') -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $archive) { Stop-With 'pack-python' }
    $line = (Get-FileHash -Algorithm SHA256 $archive.FullName).Hash.ToLower() + '  python/' + $archive.Name
    if ((Get-Content -Encoding UTF8 (Join-Path $pack 'SHA256SUMS')) -notcontains $line) { Stop-With 'pack-lacks' }
    $name = $archive.Name -replace '\.tar\.gz$', ''; $beside = Join-Path $store "unpacked.$PID"; $target = Join-Path $store "python\$name"
    if (Find-Python) { return } # another start may be at this too, and be ahead
    try { $beside, $target | Where-Object { Test-Path -LiteralPath $_ } | ForEach-Object { Remove-Item -Recurse -Force -LiteralPath $_ }
        $beside, (Join-Path $store 'python') | ForEach-Object { New-Item -ItemType Directory -Force $_ | Out-Null } } catch { Stop-With 'not-writable' }
    tar -xzf $archive.FullName -C $beside --strip-components 1; if ($LASTEXITCODE -ne 0) { Stop-With 'pack-lacks' }
    for ($try = 1; (Test-Path -LiteralPath $beside) -and -not (Find-Python); $try++) { # a virus scanner may hold it for a while
        try { Move-Item -LiteralPath $beside -Destination $target }
        catch { if ($try -gt 6) { Stop-With 'not-writable' }; Start-Sleep -Milliseconds 500 } }
    Get-ChildItem -LiteralPath $store -Filter 'unpacked.*' | Where-Object { ($_.FullName -eq $beside) -or
        (Get-Process).Id -notcontains $_.Extension.TrimStart('.') } | Remove-Item -Recurse -Force -ErrorAction SilentlyContinue }
# The folder after --from, and the Python that it was made for.
for ($i = 0; $i -lt $args.Count; $i++) { if ($args[$i] -eq '--from') { $pack = $args[$i + 1] } }
$args | Where-Object { "$_" -like '--from=*' } | ForEach-Object { $pack = $_.Substring(7) }
if ($pack) { try { $packed = (Get-Content (Join-Path $pack 'python.txt')).Trim() } catch { Stop-With 'no-pack' } }
$python = Find-Python
if (-not $python) { if ($pack) { Expand-PackedPython } else { Get-Python }; $python = Find-Python }
if (-not $python) { Stop-With $(if ($pack) { 'pack-python' } else { 'no-python' }) }
& $python -I (Join-Path $here 'launcher\bootstrap.py') @args; exit $LASTEXITCODE
