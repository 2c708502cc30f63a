# Installing: libraries, headers, program, licence, pkg-config file and CMake package. Everything may be moved afterwards:
# ngd.pc and the package find their files from where they themselves lie.
include(CMakePackageConfigHelpers)

install(TARGETS ngd EXPORT ngdTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime
                                              NAMELINK_COMPONENT development)
install(TARGETS ngd_static EXPORT ngdStaticTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)

# pkg-config: the prefix is written relative to the file's own folder, unless a folder was given as an absolute path.
set(ngd_pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
set(ngd_pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
set(ngd_pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  file(RELATIVE_PATH ngd_pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" ngd_pc_up "${ngd_pc_up}")
  set(ngd_pc_prefix "\${pcfiledir}/${ngd_pc_up}")
  set(ngd_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(ngd_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
# What a static link needs besides. OpenBLAS and ZeroMQ stand here by name and not under Requires.private, whose own private
# libraries are for linking these two statically.
find_library(NGD_OPENBLAS_IN_PATH openblas)
set(ngd_pc_private "")
if(NOT NGD_OPENBLAS_IN_PATH)
  list(TRANSFORM OPENBLAS_LIBRARY_DIRS PREPEND "-L" OUTPUT_VARIABLE ngd_pc_private)
endif()
foreach(library openblas zmq ${ngd_cxx_libraries})
  list(APPEND ngd_pc_private "-l${library}")
endforeach()
list(APPEND ngd_pc_private ${CMAKE_THREAD_LIBS_INIT})
list(JOIN ngd_pc_private " " ngd_pc_private)
configure_file(cmake/ngd.pc.in ngd.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ngd.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# CMake package, installed and from the build tree.
set(ngd_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ngd)
configure_package_config_file(cmake/ngdConfig.cmake.in ngdConfig.cmake INSTALL_DESTINATION ${ngd_package_dir})
write_basic_package_version_file(ngdConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ngdConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/ngdConfigVersion.cmake
        DESTINATION ${ngd_package_dir} COMPONENT development)
foreach(ngd_export ngdTargets ngdStaticTargets)
  install(EXPORT ${ngd_export} NAMESPACE ngd:: DESTINATION ${ngd_package_dir} COMPONENT development)
  export(EXPORT ${ngd_export} NAMESPACE ngd:: FILE ${CMAKE_CURRENT_BINARY_DIR}/${ngd_export}.cmake)
endforeach()
