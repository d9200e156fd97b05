# What `cmake --install` and `cpack` put where. `cpack` in a build directory makes a .deb.
include(GNUInstallDirs)

install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES deploy/systemd/pgweir.service DESTINATION lib/systemd/system)
install(FILES deploy/systemd/pgweir.toml DESTINATION /etc/pgweir)
install(FILES README.md CHANGELOG.md DESTINATION share/doc/pgweir)
install(FILES LICENSE DESTINATION share/doc/pgweir RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME pgweir)
set(CPACK_PACKAGE_VENDOR "the pgweir authors")
set(CPACK_PACKAGE_CONTACT "The pgweir authors <authors@pgweir.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
    "Gives many clients few server connections, sends writes to the primary and reads to\n\
standbys of a streaming-replication cluster, and follows its failovers.")
# /usr for the program, /etc for the settings.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/deploy/debian/postinst
    ${CMAKE_SOURCE_DIR}/deploy/debian/prerm
    ${CMAKE_SOURCE_DIR}/deploy/debian/postrm
    ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles)
include(CPack)
