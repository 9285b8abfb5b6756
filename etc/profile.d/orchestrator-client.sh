# What orchestrator-client takes for granted on this machine. Copy it to /etc/profile.d/ and change it.

# One address, or several with spaces between: then the node that leads is found.
export ORCHESTRATOR_API="http://orchestrator1:3000/api http://orchestrator2:3000/api http://orchestrator3:3000/api"

# Where the service asks for a login (AuthenticationMethod basic or multi).
#export ORCHESTRATOR_AUTH_USER=admin
#export ORCHESTRATOR_AUTH_PASSWORD=secret

# Where it believes a header that a proxy sets (AuthenticationMethod proxy).
#export ORCHESTRATOR_AUTH_USER_HEADER="X-Forwarded-User: $USER"

# The instance that is meant where -i is not given.
#export ORCHESTRATOR_INSTANCE=$HOSTNAME:3306
