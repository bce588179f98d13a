set -e
cd /tmp/scratch/src
mkdir -p apt/{lists/partial,cache/archives/partial,etc}
cat > apt/sources.list <<S
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian experimental main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main
S
O="-o Dir::Etc::sourcelist=$PWD/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$PWD/apt/lists -o Dir::Cache=$PWD/apt/cache -o Dir::State::status=/dev/null -o APT::Get::List-Cleanup=1 -o Acquire::Languages=none"
time apt-get $O update
apt-cache $O search --names-only '^linux-source-' 
time apt-get $O download linux-source-7.3 linux-source-7.2
ls -la
