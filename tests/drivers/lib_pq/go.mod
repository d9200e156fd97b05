module program

go 1.24

require (
	clients v0.0.0
	github.com/lib/pq v1.12.3
)

replace clients => ../go
