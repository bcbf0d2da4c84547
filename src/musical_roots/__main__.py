from musical_roots.cli import main

main()
